/** What goes to one shard as a whole. */
export interface Unit {
  /** A folder or a file, as people write it. */
  path: string;
  /** What is read of it. */
  bytes: number;
}

/** How far above the average a shard is filled before units go to their next choice. */
const slack = 0.1;

/**
 * Gives each unit one of `total` shards, in the order of the units; the first one is 1. The same for the same
 * units in any order. No shard has more than the average by `slack`, and the largest unit above that; and most
 * units stay where they are when one is added or goes.
 *
 * Rendezvous hashing with bounded loads: each unit prefers the shards in an order that follows from its path
 * alone, and takes the first that has room (Mirrokni, Thorup, Zadimoghaddam: Consistent Hashing with Bounded
 * Loads, 2018). Large units come first, by classes of size, so that one that grows a little keeps its turn.
 */
export function assign(units: readonly Unit[], total: number): number[] {
  const weights = units.map(({ bytes }) => Math.max(1, bytes));
  const hashes = units.map(({ path }) => hashOf(path));
  const sum = weights.reduce((all, bytes) => all + bytes, 0);
  const room = roomOf((sum / total) * (1 + slack));
  const order = units.map((_, index) => index);
  const sizeClass = weights.map((bytes) => Math.floor(Math.log2(bytes)));
  order.sort((a, b) => {
    const bySize = (sizeClass[b] as number) - (sizeClass[a] as number);
    if (bySize !== 0) return bySize;
    const byHash = (hashes[a] as number) - (hashes[b] as number);
    return byHash !== 0 ? byHash : (units[a] as Unit).path < (units[b] as Unit).path ? -1 : 1;
  });
  const loads = new Array<number>(total).fill(0);
  const shards = new Array<number>(units.length).fill(1);
  for (const index of order) {
    const weight = weights[index] as number;
    const hash = hashes[index] as number;
    let chosen = -1;
    let best = -1;
    let least = 0;
    for (let shard = 0; shard < total; shard++) {
      const load = loads[shard] as number;
      if (load < (loads[least] as number)) least = shard;
      if (load + weight > room) continue;
      const score = preference(hash, shard);
      if (score <= best) continue;
      best = score;
      chosen = shard;
    }
    if (chosen < 0) chosen = least;
    loads[chosen] = (loads[chosen] as number) + weight;
    shards[index] = chosen + 1;
  }
  return shards;
}

/** The shard that a path prefers, whatever else there is; the first one is 1. */
export function preferred(path: string, total: number): number {
  const hash = hashOf(path);
  let chosen = 0;
  for (let shard = 1; shard < total; shard++) {
    if (preference(hash, shard) > preference(hash, chosen)) chosen = shard;
  }
  return chosen + 1;
}

/** Rounded up by at most 1/16, so that one more unit seldom changes it: else it would move units of all shards. */
function roomOf(bytes: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(bytes)) - 4);
  return Math.ceil(bytes / step) * step;
}

/** FNV-1a over the UTF-16 units of a text, mixed: 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mixed(hash);
}

function preference(hash: number, shard: number): number {
  return mixed(hash ^ Math.imul(shard + 1, 0x9e3779b1));
}

/** The finalizer of MurmurHash3: each bit of the input changes half of the output. */
function mixed(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Where a blueprint was found: the index of the root, and its path. */
export interface Found {
  root: number;
  path: string;
}

/** Sorts as `discover` finds blueprints: a folder before what is in it, names by their UTF-16 units. */
export function sortFound<Item extends Found>(found: readonly Item[]): Item[] {
  // No name holds NUL, so that what is in a folder comes before `folder.json`.
  const keyOf = (path: string) => (path === '.' ? '' : path.replaceAll('/', '\0'));
  return found
    .map((item) => ({ item, key: keyOf(item.path) }))
    .sort((a, b) => a.item.root - b.item.root || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ item }) => item);
}
