/** What the pure rooms need of a file system. Paths are as people write them: relative, with `/`. Nothing throws. */
export interface Files {
  /** The entries of a folder, sorted by name; none where it is gone, null where it may not be read. */
  list(folder: string): FolderEntry[] | null;
  /** The text of a regular file, UTF-8. Never follows a link out of the workspace. */
  read(file: string): Read;
  /**
   * The text of a file in a folder that `list` called one, without a look around: null where that alone does not show
   * a regular file, no link, neither empty nor large. Then `list` and `read` say what it is. Absent where it saves
   * nothing.
   */
  readPlain?(file: string): string | null;
  /** Whether there is a regular file, not a folder. */
  hasFile(file: string): boolean;
}

export interface FolderEntry {
  name: string;
  /** A link to a folder is `other`: folders are never followed, so loops cannot happen. */
  kind: 'file' | 'folder' | 'other';
}

export type Read =
  | { ok: true; text: string }
  /** `reason` finishes the sentence "The file was not checked: …". */
  | { ok: false; missing: boolean; reason: string; fix: string };
