import { count, gigabytes } from './text.ts';

/** An amount of bytes in decimal units: `3.4 GB`, `12 MB`, `300 kB`, `17 bytes`. */
export function bytesText(bytes: number): string {
  if (bytes >= 999_500_000) return gigabytes(bytes / 1e9);
  if (bytes >= 999_500) return `${Math.round(bytes / 1e6)} MB`;
  return bytes >= 1000 ? `${Math.round(bytes / 1000)} kB` : count(bytes, 'byte');
}
