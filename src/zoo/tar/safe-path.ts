const LONGEST_PART = 160;
const LONGEST_PATH = 400;
const DEEPEST = 8;
/** Names that Windows keeps for devices, with whatever extension. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\..*)?$/i;

/**
 * What keeps a path within an archive from being written safely on every system; undefined where nothing does. Paths have slashes and lead down from the
 * archive's top: nothing in them may climb out, hide, name a device or mean something else to another file system.
 * @param options.hidden whether names may start with a dot
 */
export function pathProblem(path: string, options: { readonly hidden: boolean }): string | undefined {
  if (path === '') return 'it has no name';
  if (Buffer.byteLength(path) > LONGEST_PATH) return `its path is longer than ${LONGEST_PATH} bytes`;
  if (path !== path.normalize('NFC')) return 'its name is not in the normal form of Unicode (NFC)';
  const parts = path.split('/');
  if (parts.length > DEEPEST) return `it lies more than ${DEEPEST} folders deep`;
  return parts.map((part) => partProblem(part, options.hidden)).find((problem) => problem !== undefined);
}

function partProblem(part: string, hidden: boolean): string | undefined {
  if (part === '') return 'its path is absolute, or has an empty part';
  if (part === '.' || part === '..') return 'its path leads out of its folder';
  if (Buffer.byteLength(part) > LONGEST_PART) return `a name in its path is longer than ${LONGEST_PART} bytes`;
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(part)) return 'its name has characters that do not show';
  if (/[\\:*?"<>|]/.test(part)) return 'its name has one of the characters \\ : * ? " < > |';
  if (/[. ]$/.test(part)) return 'its name ends in a dot or a space';
  if (/^[ -]/.test(part)) return 'its name begins with a space or a dash';
  if (RESERVED.test(part)) return 'its name is that of a device on Windows';
  if (/^\.git$/i.test(part)) return 'it is part of a git repository';
  return part.startsWith('.') && !hidden ? 'it is hidden' : undefined;
}

/** The paths of an archive, each once and none within another, whatever case a file system tells apart. */
export class PathSet {
  private readonly files = new Set<string>();
  private readonly folders = new Set<string>();

  /** Takes a file's path; returns why it cannot lie beside those that were taken, undefined where it can. */
  add(path: string): string | undefined {
    const key = path.toLowerCase();
    if (this.files.has(key)) return 'it comes twice, or another differs from it in case only';
    if (this.folders.has(key)) return 'it is a file and a folder';
    const parts = key.split('/');
    const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
    if (above.some((folder) => this.files.has(folder))) return 'it lies in what is a file';
    this.files.add(key);
    for (const folder of above) this.folders.add(folder);
    return undefined;
  }
}
