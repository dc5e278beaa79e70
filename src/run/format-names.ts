/** The formats of a report; formats.ts says how each is made. */
export const formatNames = ['text', 'json', 'markdown', 'github', 'sarif', 'junit', 'html'] as const;
export type FormatName = (typeof formatNames)[number];

/** A format, and the file that it goes to; null is stdout. */
export interface Destination {
  format: FormatName;
  file: string | null;
}

/** `sarif`, or `sarif:out.sarif`; null where that is no format. A file may hold colons, as in `C:\out.sarif`. */
export function parseDestination(text: string): Destination | null {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const format = formatNames.find((known) => known === name);
  return format === undefined ? null : { format, file: colon < 0 ? null : text.slice(colon + 1) };
}
