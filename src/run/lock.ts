import { Lock, readLock } from '../catalog/lock.ts';
import { parseDocument } from '../document/document.ts';
import type { Files } from '../document/files.ts';
import { type Finding, finding } from '../findings/finding.ts';

/** The lock file at a path: without models where there is none, or where it is wrong, which findings say. */
export function readLockFile(files: Files, path: string): { lock: Lock; findings: Finding[] } {
  const wrong = (findings: Finding[]) => ({ lock: new Lock([]), findings });
  const read = files.read(path);
  if (!read.ok) {
    const location = { file: path, pointer: '', range: null };
    const { reason, fix } = read;
    return wrong(read.missing ? [] : [finding('file-unreadable', { reason, fix }, { location })]);
  }
  const parsed = parseDocument(path, read.text);
  if (!parsed.ok) {
    const { reason, fix, range } = parsed.problem;
    const location = { file: path, pointer: '', range };
    return wrong([finding('invalid-json', { reason, fix }, { location })]);
  }
  const lock = readLock(parsed.document);
  return lock.ok ? { lock: lock.lock, findings: [] } : wrong(lock.findings);
}
