import { chmodSync, existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { writeTextAtomically } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { withFolderLock } from '../../foundation/folder-lock';
import { readTextIfThere } from '../../foundation/regular-file';
import { commitCheckLines } from './commit-check';
import { blockIn, markedBlock, withBlock } from './marked-block';
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

export interface SetUpRequest {
  readonly root: string;
  /** Where Kumpas lies, which the hook calls. */
  readonly kumpas: string;
  /** The largest file that the hook lets into git itself, in megabytes. */
  readonly limitMegabytes: number;
  readonly dryRun: boolean;
}

const IGNORED = [
  '# the state to go on from, exports, and what a command has at work',
  '*_last.pt',
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
