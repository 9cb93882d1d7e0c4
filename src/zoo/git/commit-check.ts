import path from 'node:path';
import { shellWord } from '../../foundation/text';

/** A registry that is checked before a commit. */
interface CheckedRegistry {
  /** From the repository's top, with slashes; `.` for the top itself. */
  readonly folder: string;
  /** The largest file that may go into git itself, in megabytes. */
  readonly limit: number;
}

const NOTE = /^# registry (\d+) (".*")$/;

/**
 * The lines of a pre-commit hook that check a repository's registries: this one, and those that the hook checks already.
 * @param kumpas where Kumpas lies.
 * @param old the hook as it is.
 * @param isThere whether a folder of the repository is there still.
 */
export function commitCheckLines(kumpas: string, registry: CheckedRegistry, old: string, isThere: (folder: string) => boolean): string[] {
  const script = shellWord(path.join(kumpas, 'scripts', 'check-commit.js'));
  const others = registriesIn(old).filter(({ folder }) => folder !== registry.folder && isThere(folder));
  const registries = [...others, registry].sort((one, other) => (one.folder < other.folder ? -1 : 1));
  return [
    ...registries.map(({ folder, limit }) => `# registry ${limit} ${JSON.stringify(folder)}`),
    `if [ ! -f ${script} ]; then`,
    `  echo ${shellWord(`Kumpas is not in ${kumpas} any more: run git-setup again from where it is`)} >&2`,
    'elif ! command -v node >/dev/null; then',
    "  echo 'node is not to be found, so the trained models cannot be checked: git commit --no-verify leaves the check out' >&2",
    '  exit 1',
    'else',
    ...registries.map(({ folder, limit }) => `  node ${script} ${shellWord(folder)} ${limit} || exit 1`),
    'fi',
  ];
}

function registriesIn(hook: string): CheckedRegistry[] {
  return hook.split(/\r?\n/).flatMap((line) => {
    const [, limit, folder] = NOTE.exec(line) ?? [];
    const parsed = folder === undefined ? undefined : parse(folder);
    return parsed === undefined ? [] : [{ folder: parsed, limit: Number(limit) }];
  });
}

function parse(text: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'string' ? parsed : undefined;
  } catch {
    return undefined;
  }
}
