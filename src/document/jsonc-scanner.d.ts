/** The scanner of jsonc-parser by itself; the package types only the whole. */
declare module 'jsonc-parser/lib/umd/impl/scanner.js' {
  import type { createScanner } from 'jsonc-parser';

  const scanner: { createScanner: typeof createScanner };
  export default scanner;
}
