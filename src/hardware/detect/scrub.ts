/** What must not be found in a recording besides numbers of devices and addresses. */
export interface Identity {
  hostNames: readonly string[];
  userNames: readonly string[];
  homeFolders: readonly string[];
}

const removed = 'REMOVED';

/** Fields that identify, by their names. `pdi` is NVIDIA's number of a device; its letters stand in `spdisplays` too. */
const naming =
  '(?:serial|uuid|guid|asset|unique[ _-]?id|machine[ _-]?id|user|(?:host|computer|process)[ _-]?name|(?<![a-z])pdi(?![a-z]))';

// Every repetition that may begin anywhere is bounded: a program may print a megabyte without a space.
const jsonField = new RegExp(
  `("[^"\\\\\\n]{0,80}${naming}[^"\\\\\\n]{0,80}"\\s*[:=]\\s*)(?:"((?:[^"\\\\\\n]|\\\\.)+)"|-?\\d[\\d.e+-]*)`,
  'gi',
);
const xmlField = new RegExp(
  `(<([\\w:.-]{0,40}${naming}[\\w:.-]{0,40})(?:\\s[^<>]*)?>)([^<>]+)(?=</\\2>)`,
  'gi',
);
const xmlAttribute = new RegExp(
  `(?<![\\w:.-])([\\w:.-]{0,40}${naming}[\\w:.-]{0,40}=")([^"<>\\n]+)(?=")`,
  'gi',
);
const line = new RegExp(
  `^([\\p{L}\\p{N}_ \\t.()/'+-]{0,60}${naming}[\\p{L}\\p{N}_ \\t.()/'+-]{0,60}[:=][ \\t]*)([^\\s{[].*)$`,
  'gimu',
);
const columnName = new RegExp(naming, 'i');

const uuid = /[0-9a-f]{8}([-_])(?:[0-9a-f]{4}\1){3}[0-9a-f]{12}/gi;
const onlyUuid = /^(?:GPU-|MIG-)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
/** Ids of containers, pods and machines. */
const longHex = /(pod)?([0-9a-f]{32,})/gi;
/** The instance of a device of Windows: what follows the last backslash, which JSON doubles. */
const deviceInstance =
  /\b((?:PCI|ACPI|USB|HID|DISPLAY|ROOT|SWD|SCSI|HDAUDIO|VMBUS|UEFI)(\\{1,2})[^\\\s",;<>]+\2)[^\s",;<>]+/gi;
const mac = /(?<![\w:-])(?:[0-9a-f]{2}[:-]){5,19}[0-9a-f]{2}(?![\w:-])/gi;
const ipv6 =
  /(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4})(?:%[\w.-]{1,20})?(?![\w:])/gi;
const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const ipv4 = new RegExp(`(?<![\\w.])${octet}(?:\\.${octet}){3}(?!\\.?\\w|-microsoft)`, 'g');
/** Versions look like addresses: what stands before them in their line. */
const beforeVersion = /(?:version(?:_id)?[^\w\n]{0,16}|^PRETTY_NAME=.*)$/i;
/** Also `builder@machine` of a kernel; not `user@1000.service` of systemd, nor `CPU@3.20GHz`. */
const email = /(?<![\w.+%-])[\w.+%-]+@(?!\d+\.service\b|[\d.]+ ?[GMk]?Hz)[\w.-]*\w/g;
/** The machine in the address of a Docker server. */
const server = /\b((?:tcp|ssh):\/\/)(?!\[|localhost\b|[\d.]+(?![\w.-]))[^\s/:"'@]+/gi;
/** The name of a Docker context, where a person chose it. */
const context =
  /("Context"\s*:\s*")(?!(?:default|desktop-[a-z]+|colima|orbstack|rancher-desktop|rootless)")[^"\\\n]+(?=")/g;
/** The service of a self-hosted runner is called by its owner, repository and machine. */
const runnerService = /\bactions\.runner\.[^/\s]{1,200}\.service\b/g;
const unixHome = /\/(home|Users)\/[^/\\\s"'<>:,;()]+/g;
const windowsHome = /\b([a-z]:(\\{1,2}|\/)users\2)[^\\/\s"'<>:,;()|*?]+/gi;

/**
 * Names of users and machines that are words of what the probes print, so that replacing them would take facts
 * away: the user `nvidia` of a Jetson, somebody called Max beside an Apple M3 Max. On their own they identify
 * nobody; in home folders, addresses and fields they are removed like all others.
 */
const commonWords = new Set(
  (
    'removed home users user root admin administrator guest runner system localhost localdomain local internal ' +
    'linux ubuntu debian fedora centos redhat rhel rocky almalinux amazon arch alpine suse opensuse gentoo nixos mint ' +
    'raspbian raspberry microsoft windows wsl darwin macos mac macbook imac mini studio generic kernel gnu lts ' +
    'docker desktop podman engine community client server platform name version context components details default ' +
    'container machine slice scope service kubernetes kubepods libpod lxc containerd ' +
    'nvidia geforce rtx gtx quadro tesla titan jetson orin nano xavier thor spark grace hopper ada super laptop ' +
    'gb10 gb20 n1x mig amd ati radeon ryzen epyc threadripper instinct vega navi vii intel arc iris xeon core ' +
    'celeron pentium atom silver gold apple pro max ultra air qualcomm adreno snapdragon elite plus virtio venus ' +
    'paravirtual virtual vmware virtualbox innotek parallels kvm qemu bochs hyper-v xen google compute cloud ' +
    'asus lenovo dell hewlett acer msi gigabyte supermicro product model rev board ' +
    'gpu cpu npu gpus card cards series graphics display displays device devices adapter adapters controller ' +
    'controllers driver drivers memory vram total free used size type unit value index vendor maker caption arch ' +
    'processor flags hypervisor cores bit asic min true false null none unknown not supported found enabled disabled ' +
    'error failed permission permissions denied insufficient cannot connect daemon loaded driver library mismatch ' +
    'communicate smi nvml cuda rocm vulkan opencl metal session app init the that this with and for was has have'
  ).split(' '),
);

/**
 * Takes out of what a probe read everything that identifies a person or a machine, and leaves what tells the
 * hardware: the parsers of this folder read the same facts from what is left. Scrubbing again changes nothing.
 */
export function scrub(text: string, identity: Identity): string {
  // What one rule leaves may be what another looks for; a second round is nearly always the last.
  for (let round = 0, before = ''; round < mostRounds && before !== text; round++) {
    before = text;
    text = scrubOnce(text, identity);
  }
  return text;
}

const mostRounds = 8;

function scrubOnce(text: string, identity: Identity): string {
  const numbers = text
    .replace(deviceInstance, `$1${removed}`)
    .replace(uuid, zeros)
    .replace(longHex, (_, pod = '', id: string) => pod + zeros(id))
    .replace(mac, zeros)
    .replace(ipv6, (address) => (isTelling6(address) ? '::' : address))
    .replace(ipv4, (address, at: number, all: string) => {
      const before = all.slice(Math.max(0, at - 100), at);
      const isVersion = beforeVersion.test(before.slice(before.lastIndexOf('\n') + 1));
      return isVersion || address.startsWith('127.') ? address : '0.0.0.0';
    });
  const places = withoutHomes(numbers, identity.homeFolders)
    .replace(unixHome, `/$1/${removed}`)
    .replace(windowsHome, `$1${removed}`)
    .replace(runnerService, `actions.runner.${removed}.service`)
    .replace(email, `${removed}@${removed}`)
    .replace(server, `$1${removed}`)
    .replace(context, `$1${removed}`);
  const names = withoutNames(places, [...identity.hostNames, ...identity.userNames]);
  const fields = names
    .replace(jsonField, (_, name: string, value?: string) =>
      value === undefined ? `${name}0` : `${name}"${neutral(value)}"`,
    )
    .replace(xmlField, (_, tag: string, __, value: string) => tag + neutral(value.trim()))
    .replace(xmlAttribute, (_, name: string, value: string) => name + neutral(value))
    .replace(line, (_, name: string, value: string) => name + neutral(value.trim()));
  return withoutColumns(fields);
}

/** Keeps the shape of a UUID. */
function neutral(value: string): string {
  return onlyUuid.test(value) ? value.replace(uuid, zeros) : removed;
}

function zeros(id: string): string {
  return id.replace(/[0-9a-f]/gi, '0');
}

/** Whether it is an address at all, and none of the machine itself: `::1`, or `0::`, which begins a control group. */
function isTelling6(text: string): boolean {
  const isAddress = text.includes('::') || text.split(':').length === 8;
  return isAddress && !/^[0:]*:[01]?$/.test(text);
}

/** Empties the columns of a table in CSV whose heading identifies. */
function withoutColumns(text: string): string {
  if (!text.includes(',')) return text;
  let columns: number[] = [];
  let width = 0;
  return text
    .split('\n')
    .map((row) => {
      const cells = row.split(',');
      if (columns.length > 0 && cells.length === width) {
        for (const at of columns) cells[at] = (cells[at] ?? '').replace(/\S(?:.*\S)?/, removed);
        return cells.join(',');
      }
      columns = [];
      const isHeading =
        cells.length > 1 &&
        cells.every((cell) => /^\s*"?[\p{L}_][\p{L}\p{N}_ .()[\]/%'+-]{0,60}"?\s*$/u.test(cell));
      if (isHeading) {
        width = cells.length;
        columns = cells.flatMap((cell, at) => (columnName.test(cell) ? [at] : []));
      }
      return row;
    })
    .join('\n');
}

/** Home folders at unusual places; `/root` and `/app` tell nothing. */
function withoutHomes(text: string, folders: readonly string[]): string {
  const unusual = folders
    .map((folder) => folder.replace(/[\\/]+$/, ''))
    .filter((folder) => /^(?:\/[^/]+\/[^/]|[a-z]:[\\/][^\\/])/i.test(folder));
  return longestFirst(unusual).reduce((left, folder) => {
    const home = folder.startsWith('/')
      ? `/${folder.startsWith('/Users/') ? 'Users' : 'home'}/${removed}`
      : null;
    const forms = [folder, folder.replaceAll('\\', '\\\\')];
    return forms.reduce((rest, form) => {
      const slash = /^..(\\\\|\\|\/)/.exec(form)?.[1] ?? '/';
      return rest.replace(
        new RegExp(`${escaped(form)}(?![\\p{L}\\p{N}_.-])`, 'giu'),
        () => home ?? `C:${slash}Users${slash}${removed}`,
      );
    }, left);
  }, text);
}

/** Whole words; a machine's name also without its domain. */
function withoutNames(text: string, names: readonly string[]): string {
  const all = names.flatMap((name) => [name, name.split('.')[0] ?? '']);
  const telling = all.filter(
    (name) => name.length > 2 && /\p{L}/u.test(name) && !commonWords.has(name.toLowerCase()),
  );
  if (telling.length === 0) return text;
  const any = longestFirst(telling).map(escaped).join('|');
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}_])(?:${any})(?![\\p{L}\\p{N}_])`, 'giu'), removed);
}

function longestFirst(texts: readonly string[]): string[] {
  return texts.toSorted((a, b) => b.length - a.length);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
