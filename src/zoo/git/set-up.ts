import { chmodSync, existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { checkpointEnding } from '../../folder/contents';
import { writeTextAtomically } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { withFolderLock } from '../../foundation/folder-lock';
import { readTextIfThere } from '../../foundation/regular-file';
import { shellWord } from '../../foundation/text';
import { filterOf, ignoringLine, repositoryOf, type Repository } from './repository';

/** What becomes of a file. */
export interface SetUpStep {
  readonly file: string;
  /** `left`: it is somebody's own, and what to add is told in `byHand`. */
  readonly action: 'made' | 'changed' | 'same' | 'left';
  /** What the lines in it are for. */
  readonly purpose: string;
  readonly byHand: readonly string[];
}

/** What a set-up did, or would do. */
export interface SetUp {
  readonly repository: Repository;
  readonly steps: readonly SetUpStep[];
  /** What else is to be known, a sentence each. */
  readonly notes: readonly string[];
}

interface SetUpRequest {
  readonly root: string;
  /** Where Kumpas lies, which the hook calls. */
  readonly kumpas: string;
  /** The largest file that the hook lets into git itself, in megabytes. */
  readonly limitMegabytes: number;
  readonly dryRun: boolean;
}

const IGNORED = [
  '# the state to go on from, exports, and what a command has at work',
  `*${checkpointEnding('last')}`,
  'exports/',
  '.*.lock',
  '.*.tmp',
  '*.tmp',
];
const LARGEST_TEXT = 1_000_000;
const LARGE = ['*.pt', '*.safetensors', '*.tar.gz', '*.npz', 'saved_model.pb'];
const ATTRIBUTES = LARGE.map((pattern) => `${pattern} filter=lfs diff=lfs merge=lfs -text`);

/** A file that is about to be written, or left. */
interface Planned extends SetUpStep {
  readonly text: string;
  readonly executable: boolean;
}

/**
 * Prepares the git repository that holds a registry: lines for large files in the registry's own .gitignore and .gitattributes, and a check before each commit. Only
 * marked blocks are written; a hook that somebody else wrote, and lines of the user's, stay as they are. Done twice, nothing changes.
 * @throws UserError where there is no such folder, or no repository holds it.
 */
export async function setUpGit(request: SetUpRequest): Promise<SetUp> {
  const { root, dryRun } = request;
  if (!existsSync(root) || !statSync(root).isDirectory()) {
    throw new UserError(`${root}: no such folder; a training makes it, or name another registry with --root`);
  }
  return await withFolderLock(root, 'git-setup', () => {
    const repository = repositoryOf(root);
    const planned = [
      planLines(path.join(root, '.gitignore'), IGNORED, 'keeps out of git what is large and of no use to others'),
      planLines(path.join(root, '.gitattributes'), ATTRIBUTES, 'gives weights, packs and archives to Git LFS'),
      planHook(repository, request),
    ];
    if (!dryRun) for (const step of planned) write(step);
    const steps = planned.map(({ file, action, purpose, byHand }) => ({ file, action, purpose, byHand }));
    return { repository, steps, notes: notesOf(repository, request) };
  });
}

function planLines(named: string, lines: readonly string[], purpose: string): Planned {
  const file = realFile(named);
  const old = textOf(file);
  const facts = { file, purpose, executable: false };
  if (old !== undefined && blockIn(old) === 'broken')
    return {
      ...facts,
      text: old,
      action: 'left',
      byHand: ['one of the marks is missing or there twice: take the marked lines out, and run it again'],
    };
  const text = withBlock(old ?? '', lines);
  return { ...facts, text, action: old === undefined ? 'made' : text === old ? 'same' : 'changed', byHand: [] };
}

function planHook({ top, hooks, inside, sharedHooks }: Repository, { kumpas, limitMegabytes }: SetUpRequest): Planned {
  const file = realFile(path.join(hooks, 'pre-commit'));
  const registry = { folder: inside === '' ? '.' : inside, limit: limitMegabytes };
  const lines = commitCheckLines(kumpas, registry, textOf(file) ?? '', (folder) => existsSync(path.join(top, folder)));
  const purpose = `refuses staged files over ${limitMegabytes} MB that Git LFS does not take, and models that \`models check\` finds wrong`;
  const old = textOf(file);
  const facts = { file, purpose, executable: true };
  const block = old === undefined ? 'none' : blockIn(old);
  if (sharedHooks)
    return {
      ...facts,
      text: old ?? '',
      action: 'left',
      byHand: [
        'core.hooksPath is set for all your repositories; put these lines there if all shall be checked, or set it for this one alone:',
        ...lines,
      ],
    };
  if (old !== undefined && block !== 'whole')
    return {
      ...facts,
      text: old,
      action: 'left',
      byHand: ['there is a hook already; add to it, before any line that ends it:', ...markedBlock(lines)],
    };
  const text = old === undefined ? `#!/bin/sh\n${markedBlock(lines).join('\n')}\n` : withBlock(old, lines);
  const same = text === old && (statSync(file).mode & 0o100) !== 0;
  return { ...facts, text, action: old === undefined ? 'made' : same ? 'same' : 'changed', byHand: [] };
}

function write({ file, action, text, executable }: Planned): void {
  if (action !== 'made' && action !== 'changed') return;
  const mode = action === 'changed' ? statSync(file).mode : undefined;
  writeTextAtomically(file, text);
  if (executable) chmodSync(file, (mode ?? 0o755) | 0o100);
  else if (mode !== undefined) chmodSync(file, mode);
}

/** A link is written through, and stays one. */
function realFile(file: string): string {
  return existsSync(file) ? realpathSync(file) : file;
}

function textOf(file: string): string | undefined {
  return readTextIfThere(file, LARGEST_TEXT);
}

function notesOf({ lfs }: Repository, { root, dryRun }: SetUpRequest): string[] {
  const ignoring = ignoringLine(root, 'transformer/transformer_baseline_01-01/config.json');
  const filter = dryRun ? 'lfs' : filterOf(root, 'transformer/transformer_baseline_01-01/SignTransformer_best.pt');
  return [
    ...(lfs === 'absent'
      ? [
          'Git LFS is not installed: until it is, weights go into git itself, and the hook refuses large ones. Get it with your package manager (apt install git-lfs, brew install git-lfs) or from https://git-lfs.com, then run `git lfs install`.',
        ]
      : []),
    ...(lfs === 'not set up' ? ['Git LFS is installed, but git does not call it yet: run `git lfs install`.'] : []),
    ...(filter === 'lfs' ? [] : ['A line of your own keeps .pt files from Git LFS: look at the .gitattributes of the repository.']),
    ...(ignoring === undefined ? [] : [`${ignoring} ignores model folders: those that others shall have are added with \`git add -f\`.`]),
    'Hooks are not part of a clone: whoever clones the repository runs git-setup once more.',
  ];
}

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
function commitCheckLines(kumpas: string, registry: CheckedRegistry, old: string, isThere: (folder: string) => boolean): string[] {
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

const BEGIN = '# kumpas: begin (npm run models -- git-setup writes these lines; write yours outside of them)';
const END = '# kumpas: end';

/** The lines that a command keeps in a file which others write too, between marks. */
function markedBlock(lines: readonly string[]): string[] {
  return [BEGIN, ...lines, END];
}

/** Whether a file has such a block; `broken` where only one of its marks is there, or they are there more than once. */
export function blockIn(text: string): 'whole' | 'none' | 'broken' {
  const lines = text.split(/\r?\n/);
  const begins = lines.filter((line) => line === BEGIN).length;
  const ends = lines.filter((line) => line === END).length;
  if (begins === 0 && ends === 0) return 'none';
  return begins === 1 && ends === 1 && lines.indexOf(BEGIN) < lines.indexOf(END) ? 'whole' : 'broken';
}

/**
 * A file's text with its block brought up to date, in its place. Where it has none, the block comes first: of two lines that say different things git follows the
 * later one, which is the user's own.
 */
export function withBlock(text: string, lines: readonly string[]): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const block = markedBlock(lines);
  if (blockIn(text) === 'none') return [...block, ...(text === '' ? [''] : ['', text])].join(newline);
  const all = text.split(newline);
  return [...all.slice(0, all.indexOf(BEGIN)), ...block, ...all.slice(all.indexOf(END) + 1)].join(newline);
}
