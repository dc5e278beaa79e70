const chunkLength = 64 * 1024;

/** Joins pieces of text to chunks of about 64 kB: a large report never needs to be one string. */
export function* inChunks(pieces: Iterable<string>): Iterable<string> {
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length >= chunkLength) {
      yield chunk;
      chunk = '';
    }
  }
  yield chunk;
}
