import type { PageCode, PageData, PageEstimate, PageFinding, PagePlace, PageVerdict } from './data.ts';

/*
 * What the HTML report does in a browser: filters, order, columns, and the panel
 * that says why. The page reads without it. Texts become text nodes, never HTML.
 * scripts/build-page.mjs makes page.generated.ts of it.
 */

const byId = (id: string) => document.getElementById(id);
const data = JSON.parse(byId('data')?.textContent ?? '') as PageData;
const { rows, texts } = data;
const amount = rows.name.length;
/** Rows that are made at once: more than a screen, few enough not to be felt; fewer where columns are many. */
const rowsAtOnce = 100;
const cellsAtOnce = 3000;
/** Paper gets this many cells; more would take a browser many seconds. */
const cellsOnPaper = 20_000;

type Child = Node | string | null;

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string>,
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const key in attributes) made.setAttribute(key, attributes[key] as string);
  made.append(...children.filter((child) => child !== null));
  return made;
}

const say = (index: number | undefined) => (index === undefined || index < 0 ? '' : (texts[index] as string));
const plural = (number: number, noun: string) =>
  `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;

themeButton();
if (byId('matrix') !== null) matrix();
openForPrint();

// --- light and dark

function themeButton(): void {
  const button = byId('theme') as HTMLButtonElement;
  const root = document.documentElement;
  const key = 'model-check-theme';
  const isDark = () =>
    (root.dataset['theme'] ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) ===
    'dark';
  const label = () => {
    button.textContent = isDark() ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Use ${isDark() ? 'light' : 'dark'} colours`);
  };
  // A browser may keep nothing for files; then the choice lasts as long as the page.
  try {
    const kept = localStorage.getItem(key);
    if (kept === 'dark' || kept === 'light') root.dataset['theme'] = kept;
  } catch {}
  label();
  button.hidden = false;
  button.addEventListener('click', () => {
    const theme = isDark() ? 'light' : 'dark';
    root.dataset['theme'] = theme;
    label();
    try {
      localStorage.setItem(key, theme);
    } catch {}
  });
}

// --- the matrix

interface Filter {
  /** All of these words, in lower case. */
  search: string[];
  blueprint: string;
  model: string;
  /** Index of the only target; null for all. */
  target: number | null;
  /** Digits of patterns, `-` for rows without statuses; empty for all. */
  statuses: Set<string>;
}

/** Column 0 is the blueprint, 1 the model, then the targets. */
interface Order {
  column: number;
  descending: boolean;
}

function matrix(): void {
  const table = document.querySelector('.grid') as HTMLTableElement;
  const body = table.tBodies[0] as HTMLTableSectionElement;
  const headRow = table.tHead?.rows[0] as HTMLTableRowElement;
  const filters = byId('filters') as HTMLFormElement;
  const expand = byId('expand') as HTMLButtonElement;
  const reset = byId('all') as HTMLButtonElement;
  const moreLine = byId('more') as HTMLElement;
  const chips = [...filters.querySelectorAll<HTMLButtonElement>('.chip')];
  const field = (id: string) => byId(id) as HTMLInputElement | HTMLSelectElement;
  const isGrouped = data.columns.some(({ length }) => length > 1);
  const listedFindings = [...document.querySelectorAll<HTMLElement>('.finding')];
  const findingTexts: (string | undefined)[] = [];

  let columns: number[][] = [];
  let order: Order | null = null;
  let shown: number[] = [];
  let made = 0;
  /** Where up and down stay, also past rows that have words instead of cells. */
  let cursor = 2;

  // --- filters

  function readFilter(): Filter {
    const target = field('target').value;
    return {
      search: field('search').value.toLowerCase().split(/\s+/).filter(Boolean),
      blueprint: field('blueprint').value.trim().toLowerCase(),
      model: field('model').value,
      target: target === '' ? null : Number(target),
      statuses: new Set(
        chips
          .filter((chip) => chip.getAttribute('aria-pressed') === 'true')
          .map((chip) => chip.dataset['status'] as string),
      ),
    };
  }

  function isShown(row: number, filter: Filter): boolean {
    if (filter.model !== '' && say(rows.model[row]) !== filter.model) return false;
    if (filter.blueprint !== '') {
      const names = `${say(rows.name[row])}\n${say(rows.path[row])}`.toLowerCase();
      if (!names.includes(filter.blueprint)) return false;
    }
    if (filter.statuses.size > 0) {
      const pattern = data.patterns[rows.pattern[row] as number] ?? '-';
      const seen = filter.target === null || pattern === '-' ? pattern : (pattern[filter.target] as string);
      if (![...filter.statuses].some((status) => seen.includes(status))) return false;
    }
    return filter.search.every((word) => searchText(row).includes(word));
  }

  function update(): void {
    const filter = readFilter();
    const before = columns;
    columns =
      filter.target !== null
        ? [[filter.target]]
        : expand.getAttribute('aria-pressed') === 'true'
          ? data.targets.map((_, index) => [index])
          : data.columns;
    if (JSON.stringify(before) !== JSON.stringify(columns)) {
      if (order !== null && order.column > 1) order = null;
      makeHeads();
    }
    shown = Array.from({ length: amount }, (_, row) => row).filter((row) => isShown(row, filter));
    if (order !== null) shown.sort(comparer(order));
    const findingsShown = filterFindings(filter.search);
    body.replaceChildren();
    made = 0;
    makeRows();
    const { search, blueprint, model, target, statuses } = filter;
    reset.hidden = search.length + statuses.size === 0 && blueprint === '' && model === '' && target === null;
    const status = byId('status') as HTMLElement;
    const words =
      shown.length === amount
        ? plural(amount, 'row')
        : `${shown.length.toLocaleString('en')} of ${plural(amount, 'row')}`;
    status.textContent =
      filter.search.length === 0
        ? words
        : `${words} · ${findingsShown.toLocaleString('en')} of ${plural(listedFindings.length, 'finding')}`;
  }

  /** Hides the findings that lack a word; returns how many are left. */
  function filterFindings(search: string[]): number {
    let left = 0;
    listedFindings.forEach((item, index) => {
      findingTexts[index] ??= (item.textContent ?? '').toLowerCase();
      item.hidden = !search.every((word) => findingTexts[index]?.includes(word));
      if (!item.hidden) left++;
    });
    return left;
  }

  function comparer({ column, descending }: Order): (a: number, b: number) => number {
    const sign = descending ? -1 : 1;
    if (column < 2) {
      const names = new Intl.Collator('en', { numeric: true });
      const key = column === 0 ? rows.name : rows.label;
      return (a, b) => sign * names.compare(say(key[a]), say(key[b])) || a - b;
    }
    const target = columns[column - 2]?.[0] ?? 0;
    // Worst first, because that is what people look for; rows without a status are last either way.
    const weight = (row: number) => {
      const digit = (data.patterns[rows.pattern[row] as number] ?? '')[target] ?? '-';
      return digit === '-' ? Number.POSITIVE_INFINITY : sign * -Number(digit);
    };
    return (a, b) => {
      const [first, second] = [weight(a), weight(b)];
      return first === second ? a - b : first - second;
    };
  }

  // --- rows

  function makeHeads(): void {
    const names = columns.map((column) => {
      const others = column.length === 1 ? '' : ` +${column.length - 1}`;
      return `${data.targets[column[0] as number]?.name}${others}`;
    });
    table.classList.toggle('tall', columns.length > 8);
    headRow.replaceChildren(
      ...['blueprint', 'model', ...names].map((name, index) => {
        const isOptional = index > 1 && columns[index - 2]?.every((at) => !data.targets[at]?.required);
        const attributes = { scope: 'col', ...(isOptional ? { class: 'optional' } : {}) };
        return element('th', attributes, element('button', { type: 'button' }, name));
      }),
    );
    markOrder();
  }

  function markOrder(): void {
    [...headRow.cells].forEach((head, index) => {
      if (order?.column !== index) head.removeAttribute('aria-sort');
      else head.setAttribute('aria-sort', order.descending ? 'descending' : 'ascending');
    });
  }

  /** The next rows, as many as are made at once; a button for those that are left. */
  function makeRows(rowsMost = rowsAtOnce, cells = cellsAtOnce): void {
    const step = Math.min(rowsMost, Math.max(20, Math.floor(cells / Math.max(1, columns.length))));
    const end = Math.min(shown.length, made + step);
    const part = document.createDocumentFragment();
    for (; made < end; made++) part.append(makeRow(shown[made] as number, shown[made - 1]));
    const isFirst = body.rows.length === 0;
    body.append(part);
    if (isFirst) body.querySelector('td > a')?.setAttribute('tabindex', '0');
    if (shown.length === 0) {
      const cell = element(
        'td',
        { class: 'words', colspan: String(columns.length + 2) },
        'No row is like that.',
      );
      body.append(element('tr', {}, cell));
    }
    const left = shown.length - made;
    if (left === 0) moreLine.replaceChildren();
    else if (moreLine.firstElementChild === null) {
      const button = element('button', { type: 'button' });
      button.addEventListener('click', () => makeRows());
      moreLine.append(button);
    }
    if (left > 0)
      (moreLine.firstElementChild as HTMLElement).textContent = `Show more of ${plural(left, 'further row')}`;
  }

  function makeRow(row: number, above: number | undefined): HTMLTableRowElement {
    const isAgain = above !== undefined && rows.path[above] === rows.path[row];
    const line = element(
      'tr',
      isAgain ? { class: 'again' } : {},
      element('th', { scope: 'row' }, say(rows.name[row])),
      element('td', {}, say(rows.label[row])),
    );
    const pattern = data.patterns[rows.pattern[row] as number];
    if (pattern === undefined) {
      const words = say(rows.words[row]);
      const isAskable = (rows.places[row]?.length ?? 0) > 0;
      const content = isAskable ? link(row, -1, words) : words;
      line.append(element('td', { class: 'words', colspan: String(Math.max(1, columns.length)) }, content));
      return line;
    }
    columns.forEach((column, index) => {
      const digit = pattern[column[0] as number] as string;
      const status = data.statuses[Number(digit)];
      if (status === undefined) {
        line.append(element('td', {}));
        return;
      }
      const cell = link(row, index, status.mark);
      cell.setAttribute('aria-label', status.words);
      line.append(element('td', { class: `s${digit}` }, cell));
    });
    return line;
  }

  function link(row: number, column: number, words: string): HTMLAnchorElement {
    const verdict = data.sets[rows.set[row] as number]?.verdicts[columns[column]?.[0] as number] ?? -1;
    const href = verdict < 0 ? '#findings' : `#verdict-${rows.set[row]}-${verdict}`;
    return element(
      'a',
      { href, tabindex: '-1', 'data-row': String(row), 'data-column': String(column) },
      words,
    );
  }

  // --- what people do

  filters.addEventListener('input', update);
  filters.addEventListener('submit', (event) => event.preventDefault());
  for (const chip of [...chips, expand]) {
    chip.addEventListener('click', () => {
      chip.setAttribute('aria-pressed', String(chip.getAttribute('aria-pressed') !== 'true'));
      update();
    });
  }
  reset.addEventListener('click', () => {
    filters.reset();
    for (const chip of chips) chip.setAttribute('aria-pressed', 'false');
    update();
    field('search').focus();
  });
  headRow.addEventListener('click', (event) => {
    const head = (event.target as Element).closest('button')?.closest('th');
    if (head == null) return;
    const column = head.cellIndex;
    // Up, down, and back to problems first.
    if (order?.column !== column) order = { column, descending: false };
    else order = order.descending ? null : { column, descending: true };
    markOrder();
    update();
  });

  const panel = makePanel((isOpen) => {
    // The table keeps its width beside the panel, so that no row moves.
    table.style.minWidth = isOpen ? `${table.offsetWidth}px` : '';
    if (isOpen) return;
    const cell = body.querySelector<HTMLElement>('a[aria-current]');
    cell?.removeAttribute('aria-current');
    (cell ?? table.parentElement)?.focus();
  });
  body.addEventListener('click', (event) => {
    const cell = (event.target as Element).closest('a');
    if (cell === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    focusCell(cell);
    cursor = cellIndex(cell);
    body.querySelector('a[aria-current]')?.removeAttribute('aria-current');
    cell.setAttribute('aria-current', 'true');
    panel(Number(cell.dataset['row']), columns[Number(cell.dataset['column'])] ?? []);
    cell.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  });
  body.addEventListener('keydown', (event) => {
    const cell = (event.target as Element).closest('a');
    if (cell === null || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = cellBeside(cell, event.key);
    if (next === null) return;
    event.preventDefault();
    focusCell(next);
    if (next.closest('tr') === cell.closest('tr')) cursor = cellIndex(next);
    next.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  });

  /** One cell of the table is a stop of the Tab key; arrows move it. */
  function focusCell(cell: HTMLElement): void {
    for (const old of body.querySelectorAll('a[tabindex="0"]')) old.setAttribute('tabindex', '-1');
    cell.setAttribute('tabindex', '0');
    cell.focus();
  }

  const cellIndex = (cell: Element) => (cell.closest('td') as HTMLTableCellElement).cellIndex;

  function cellBeside(cell: HTMLElement, key: string): HTMLElement | null {
    const row = cell.closest('tr') as HTMLTableRowElement;
    const inRow = [...row.querySelectorAll<HTMLElement>('td > a')];
    const at = inRow.indexOf(cell);
    switch (key) {
      case 'ArrowLeft':
        return inRow[at - 1] ?? null;
      case 'ArrowRight':
        return inRow[at + 1] ?? null;
      case 'Home':
        return inRow[0] ?? null;
      case 'End':
        return inRow.at(-1) ?? null;
      case 'ArrowDown':
      case 'ArrowUp': {
        let line: Element | null = row;
        do {
          if (key === 'ArrowDown' && line.nextElementSibling === null) makeRows();
          line = key === 'ArrowDown' ? line.nextElementSibling : line.previousElementSibling;
        } while (line !== null && line.querySelector('td > a') === null);
        if (line === null) return null;
        const { cells } = line as HTMLTableRowElement;
        const same = cells[Math.min(cursor, cells.length - 1)]?.querySelector<HTMLElement>('a');
        return same ?? line.querySelector<HTMLElement>('td > a');
      }
      default:
        return null;
    }
  }

  // --- the start

  const names = byId('names') as HTMLDataListElement;
  names.append(...[...new Set(rows.name)].map((name) => element('option', { value: say(name) })));
  byId('limit')?.remove();
  byId('legend')?.classList.add('paper');
  filters.hidden = false;
  expand.hidden = !isGrouped;
  update();
  // Whoever scrolls to the end gets more; observing again asks whether that is enough.
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting) || made === shown.length) return;
      makeRows();
      observer.unobserve(moreLine);
      observer.observe(moreLine);
    },
    { root: table.parentElement, rootMargin: '400px' },
  );
  observer.observe(moreLine);
  addEventListener('beforeprint', () => makeRows(shown.length, cellsOnPaper));
}

const searchTexts: (string | undefined)[] = [];
const setTexts: (string | undefined)[] = [];

/** All that is said of a row except the names of targets, which have a filter of their own. */
function searchText(row: number): string {
  const known = searchTexts[row];
  if (known !== undefined) return known;
  const set = rows.set[row] as number;
  const parts = [
    ...[rows.name, rows.path, rows.label, rows.model, rows.words].map((list) => say(list[row])),
    ...(rows.places[row] as PagePlace[]).flatMap(([place, pointer, , code]) => [
      say(place),
      say(pointer),
      ...(code === null ? [] : code.map(say)),
    ]),
    ...(rows.findings[row] as number[]).map((index) => {
      const { id, title, help } = data.findings[index] as PageFinding;
      return `${id} ${title} ${help}`;
    }),
    set < 0 ? '' : (setTexts[set] ??= messagesOf(set)),
  ];
  return (searchTexts[row] = parts.join('\n').toLowerCase());
}

function messagesOf(set: number): string {
  const distinct = new Set(data.sets[set]?.verdicts);
  return [...distinct].map((index) => data.verdicts[index]?.message ?? '').join('\n');
}

// --- the panel

/**
 * Makes the panel, shown by the function that comes back: a row, and the targets
 * of one column of it. `turned` is called before it opens and after it closed.
 */
function makePanel(turned: (isOpen: boolean) => void): (row: number, targets: number[]) => void {
  const close = element('button', { type: 'button', class: 'close', 'aria-label': 'Close' }, '✕');
  const content = element('div', {});
  const panel = element('aside', { id: 'panel', 'aria-labelledby': 'panel-title' }, close, content);
  panel.hidden = true;
  document.querySelector('main')?.append(panel);
  const hide = () => {
    if (panel.hidden) return;
    panel.hidden = true;
    document.body.classList.remove('asked');
    turned(false);
  };
  close.addEventListener('click', hide);
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape') hide();
  });
  // A finding that the panel leads to may be folded away, filtered out or under the panel.
  content.addEventListener('click', (event) => {
    const address = (event.target as Element).closest('a')?.getAttribute('href') ?? '';
    const item = address.startsWith('#') ? byId(address.slice(1)) : null;
    if (item === null) return;
    hide();
    item.hidden = false;
    item.closest('details')?.setAttribute('open', '');
  });
  return (row, targets) => {
    if (panel.hidden) turned(true);
    content.replaceChildren(...panelContent(row, targets));
    panel.hidden = false;
    panel.scrollTop = 0;
    document.body.classList.add('asked');
    byId('panel-title')?.focus({ preventScroll: true });
  };
}

function panelContent(row: number, targets: number[]): Node[] {
  const pattern = data.patterns[rows.pattern[row] as number];
  const digit = pattern?.[targets[0] as number];
  const status = digit === undefined ? undefined : data.statuses[Number(digit)];
  const title =
    status === undefined
      ? [say(rows.words[row])]
      : [
          element('span', { class: `mark s${digit}`, 'aria-hidden': 'true' }, status.mark),
          ` ${status.words}`,
        ];
  const path = say(rows.path[row]);
  const name = say(rows.name[row]);
  return [
    element('h2', { id: 'panel-title', tabindex: '-1' }, ...title),
    element('p', {}, element('strong', {}, name), ` · ${say(rows.label[row])}`),
    ...(path === name ? [] : [element('p', { class: 'also' }, path)]),
    ...(status === undefined ? [] : verdictParts(row, targets)),
    ...findingParts(row, status === undefined ? null : targets),
    ...placeParts(rows.places[row] as PagePlace[]),
  ];
}

/** Each verdict of the column once, with the targets that have it and the same memory for models. */
function verdictParts(row: number, targets: number[]): Node[] {
  const set = data.sets[rows.set[row] as number];
  const estimate = data.estimates[rows.estimate[row] as number];
  const groups = new Map<string, number[]>();
  for (const target of targets) {
    const memory = estimate === undefined ? null : data.memory[target];
    const key = JSON.stringify([set?.verdicts[target] ?? -1, memory, fitAt(estimate, target)]);
    groups.set(key, [...(groups.get(key) ?? []), target]);
  }
  return [...groups.values()].flatMap((those) => {
    const index = set?.verdicts[those[0] as number] ?? -1;
    const names = those.map((target) => data.targets[target]?.name).join(' · ');
    const only = those.length === 1 ? data.targets[those[0] as number] : undefined;
    const verdict = data.verdicts[index];
    return [
      element('h3', {}, names),
      ...(only === undefined
        ? []
        : [element('p', { class: 'also' }, `${only.facts}${only.required ? '' : ' · not required'}`)]),
      ...besideEachOther(
        verdict === undefined ? [] : verdictLines(verdict, set?.backend ?? ''),
        estimate === undefined ? [] : estimateLines(estimate, those[0] as number),
      ),
    ];
  });
}

/** What the table says and what is estimated, each under its name where there is both. */
function besideEachOther(policy: Node[], estimated: Node[]): Node[] {
  if (estimated.length === 0) return policy;
  const part = (name: string, nodes: Node[]) =>
    nodes.length === 0 ? [] : [element('div', { class: 'part' }, element('h4', {}, name), ...nodes)];
  return [...part('Policy: the hardware table', policy), ...part('Estimate: changes no verdict', estimated)];
}

/** The digit of how it fits; `-` where that is not known. */
function fitAt(estimate: PageEstimate | undefined, target: number): string {
  return data.patterns[estimate?.[5] ?? -1]?.[target] ?? '-';
}

/** What the row's model needs of what the target has for models; nothing where that is not known. */
function estimateLines(estimate: PageEstimate, target: number): Node[] {
  const memory = data.memory[target];
  const fit = data.fits[Number(fitAt(estimate, target))];
  if (fit === undefined || memory == null) return [];
  const [contextSize, given, device, cpuOnly, note] = estimate;
  const need = memory.isRam ? cpuOnly : device;
  const isSplit = need > memory.gb && memory.togetherGb !== null;
  const have = isSplit ? (memory.togetherGb as number) : memory.gb;
  const [needs, has] = figuresOf(need, have);
  const at = `${contextSize.toLocaleString('en')} tokens${given === 1 ? '' : ', as the catalog has it'}`;
  const figures = [
    { label: 'takes', gb: need, words: `${needs} at ${at}: ${fit.words}`, look: fit.look },
    { label: 'has', gb: have, words: `${has}${isSplit ? ' on all cards together' : ''}`, look: 'have' },
  ];
  return [
    bars(figures),
    element('p', { class: 'also' }, `${memory.because}.${note < 0 ? '' : ` Not certain: ${say(note)}.`}`),
  ];
}

/** Two amounts in GB, with the digits that it takes to tell them apart. */
function figuresOf(need: number, have: number): [string, string] {
  const figures = (digits: number): [string, string] => [
    `${Number(need.toFixed(digits))} GB`,
    `${Number(have.toFixed(digits))} GB`,
  ];
  const digits = [1, 2].find((few) => figures(few)[0] !== figures(few)[1]);
  return figures(digits ?? 3);
}

function verdictLines(verdict: PageVerdict, backend: string): Node[] {
  const { needs, found, message, help, forced, rule, accelerator, status } = verdict;
  const figures: Figure[] = [];
  if (needs !== null) figures.push({ label: 'needs', gb: needs[0], words: needs[1], look: 'need' });
  if (found !== null) figures.push({ label: 'found', gb: found[0], words: found[1], look: `s${status}` });
  return [
    element('p', {}, `${message}${forced ? ' (forced)' : ''}`),
    ...(needs === null ? [] : [bars(figures)]),
    ...(help === '' ? [] : [element('p', {}, help)]),
    element(
      'p',
      { class: 'also' },
      [rule, backend, ...(accelerator === null ? [] : [accelerator])].join(' · '),
    ),
  ];
}

/** An amount of memory beside others of the same kind. */
interface Figure {
  label: string;
  gb: number;
  /** The amount with its unit and kind. */
  words: string;
  /** Class of the bar. */
  look: string;
}

/** Amounts as bars on one scale, each with its words. */
function bars(figures: Figure[]): HTMLElement {
  const most = Math.max(...figures.map(({ gb }) => gb), Number.MIN_VALUE);
  const draw = (name: string, attributes: Record<string, string>) => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const key in attributes) made.setAttribute(key, attributes[key] as string);
    return made;
  };
  return element(
    'dl',
    { class: 'bars' },
    ...figures.flatMap(({ label, gb, words, look }) => {
      const drawing = draw('svg', {
        viewBox: '0 0 100 4',
        preserveAspectRatio: 'none',
        'aria-hidden': 'true',
      });
      drawing.append(draw('rect', { class: look, width: String((100 * gb) / most), height: '4' }));
      return [element('dt', {}, label), element('dd', {}, drawing, words)];
    }),
  );
}

/** Findings about the row, with what to do; `targets` null for all. */
function findingParts(row: number, targets: number[] | null): Node[] {
  const concerned = (rows.findings[row] as number[]).filter((index) => {
    const own = (data.findings[index] as PageFinding).targets;
    return targets === null || own.length === 0 || own.some((target) => targets.includes(target));
  });
  return concerned.flatMap((index) => {
    const { mark, severity, id, url, title, help, value, listed } = data.findings[index] as PageFinding;
    return [
      element(
        'h3',
        {},
        element('span', { class: `mark ${severity}`, 'aria-hidden': 'true' }, mark),
        element('span', { class: 'sr' }, `${severity}: `),
        ` ${title}`,
      ),
      ...(help === '' ? [] : [element('p', { class: 'fix' }, help)]),
      ...(value === null ? [] : [element('pre', {}, element('code', {}, value))]),
      element(
        'p',
        { class: 'also' },
        ...(value === null ? [] : [copyButton('Copy the value', value)]),
        ...(help === '' ? [] : [copyButton('Copy the fix', help)]),
        ...(listed ? [element('a', { href: `#finding-${index + 1}` }, `Finding ${index + 1}`), ' · '] : []),
        element('a', { href: url, rel: 'noreferrer' }, id),
      ),
    ];
  });
}

function placeParts(places: PagePlace[]): Node[] {
  if (places.length === 0) return [];
  const lines = places.flatMap(([place, pointer, address, code]) => {
    const shown = element('code', {}, say(place));
    return [
      element(
        'p',
        {},
        address < 0 ? shown : element('a', { href: say(address), rel: 'noreferrer' }, shown),
        element('span', { class: 'also' }, ` for ${say(pointer) || 'the whole file'}`),
      ),
      ...(code === null ? [] : [codeLine(code)]),
    ];
  });
  return [element('h3', {}, 'Declared in'), ...lines];
}

function codeLine([before, value, after]: PageCode): HTMLElement {
  const code = element('code', {}, say(before), element('mark', {}, say(value)), say(after));
  return element('pre', {}, code);
}

/** Copies; what a browser forbids pages of files is done the old way. */
function copyButton(label: string, value: string): HTMLElement {
  const button = element('button', { type: 'button', class: 'copy' }, label);
  const said = element('span', { role: 'status' });
  const copied = (isDone: boolean) => {
    said.textContent = isDone ? 'Copied. ' : 'Not copied: select the text instead. ';
  };
  const oldWay = () => {
    const area = element('textarea', { class: 'sr' });
    area.value = value;
    button.after(area);
    area.select();
    copied(document.execCommand('copy'));
    area.remove();
    button.focus();
  };
  button.addEventListener('click', () => {
    if (navigator.clipboard === undefined) oldWay();
    else navigator.clipboard.writeText(value).then(() => copied(true), oldWay);
  });
  return element('span', {}, button, said);
}

// --- print

/** Paper opens nothing: everything folded away is printed. */
function openForPrint(): void {
  let closed: HTMLDetailsElement[] = [];
  addEventListener('beforeprint', () => {
    closed = [...document.querySelectorAll<HTMLDetailsElement>('details:not([open])')];
    for (const one of closed) one.open = true;
  });
  addEventListener('afterprint', () => {
    for (const one of closed) one.open = false;
  });
}
