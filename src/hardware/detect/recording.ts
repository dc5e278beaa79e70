import type { Ran } from './probe.ts';

/** A text, or the file beside machine.json that holds it. */
export type RecordedText = string | { file: string };

/** How a program ended, where not well: `code` is its exit code, which makes `ended` `failed`. */
export interface RecordedRun {
  stdout?: RecordedText;
  stderr?: RecordedText;
  code?: number;
  ended?: Ran['ended'];
}

/**
 * A machine as its probes saw it: the file machine.json of a folder. What it does not list is not there: a file
 * that cannot be read, a program that is missing, an address where nothing listens. Folders are those of its files.
 */
export interface Recording {
  /** What this machine is, and where its readings are from. */
  about: string;
  platform: string;
  arch: string;
  release: string;
  totalMemoryBytes?: number;
  env?: Record<string, string>;
  /** Text by path. */
  files?: Record<string, RecordedText>;
  /** By command line: program and arguments with one space between them. */
  commands?: Record<string, RecordedRun>;
  /** Socket paths and `host:port`. */
  reachable?: string[];
}

/** The command line under which a run is recorded. */
export function commandLine(command: string, args: readonly string[]): string {
  return [command, ...args].join(' ');
}
