import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { parseFolderName } from '../../folder/folder-name';
import { UserError, messageOf } from '../../foundation/errors';
import { ownModels, type ModelDefinitions } from '../../models/model-table';

/** What git says of the repository that holds a folder. */
export interface Repository {
  /** Its top folder, and the folder asked about as seen from there, with slashes; empty for the top itself. */
  readonly top: string;
  readonly inside: string;
  /** Where its hooks lie; those of a worktree are its repository's. */
  readonly hooks: string;
  /** Whether `core.hooksPath` was set for all of the user's repositories. */
  readonly sharedHooks: boolean;
  /** Whether the program git-lfs is there, and whether git calls it. */
  readonly lfs: 'ready' | 'not set up' | 'absent';
}

/**
 * Finds the repository that holds a folder.
 * @throws UserError where none does, or there is no git.
 */
export function repositoryOf(folder: string): Repository {
  const top = requiredAnswer(folder, ['rev-parse', '--show-toplevel']);
  const hooks = requiredAnswer(folder, ['rev-parse', '--git-path', 'hooks']);
  const scope = answerOf(folder, ['config', '--show-scope', '--get', 'core.hooksPath'])?.split(/\s/)[0];
  const lfs = answerOf(folder, ['lfs', 'version']) !== undefined;
  return {
    top,
    inside: requiredAnswer(folder, ['rev-parse', '--show-prefix']).replace(/\/$/, ''),
    hooks: path.resolve(folder, hooks),
    sharedHooks: scope === 'global' || scope === 'system',
    lfs: !lfs ? 'absent' : answerOf(folder, ['config', '--get', 'filter.lfs.clean']) === undefined ? 'not set up' : 'ready',
  };
}

/** The line that ignores a path, as `.gitignore:3:models/`; undefined where none does. */
export function ignoringLine(folder: string, file: string): string | undefined {
  return answerOf(folder, ['check-ignore', '--no-index', '-v', '--', file])?.split('\t')[0];
}

/** The filter that git takes a path through, as `lfs`; undefined where none is set. */
export function filterOf(folder: string, file: string): string | undefined {
  const value = answerOf(folder, ['check-attr', 'filter', '--', file])?.split(': ').at(-1);
  return value === 'unspecified' || value === 'unset' ? undefined : value;
}

function answerOf(folder: string, asked: readonly string[]): string | undefined {
  try {
    return requiredAnswer(folder, asked);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

function requiredAnswer(folder: string, asked: readonly string[]): string {
  try {
    return execFileSync('git', asked, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 }).replace(
      /\r?\n$/,
      '',
    );
  } catch (error) {
    const { code, stderr } = error as { readonly code?: string; readonly stderr?: string };
    if (code === 'ENOENT') throw new UserError('git is not installed; git-setup prepares a git repository', { cause: error });
    const [said] = (stderr ?? '').trim().split('\n');
    throw new UserError(`${folder}: git finds no repository with a working tree there (${String(said)}); \`git init\` makes one`, {
      cause: error,
    });
  }
}

/** A tag that is to be made, and the commit that it is of. */
interface ReleaseTag {
  readonly name: string;
  readonly commit: string;
}

/**
 * The tag for a release of a model folder, `transformer_baseline/v1.1.0`, once it is sure that git can make it.
 * @throws UserError where there is no repository or no commit, nobody whom git could name, or the tag is there already.
 */
export function planTag(folder: string, model: string, version: string, models: ModelDefinitions | undefined = ownModels): ReleaseTag {
  const parsed = parseFolderName(model, models.names);
  const name = `${parsed === undefined ? model : `${parsed.type}_${parsed.description}`}/v${version}`;
  refuseUnless(folder, ['rev-parse', '--is-inside-work-tree'], `--tag: ${folder} lies in no git repository; release it without --tag`);
  refuseUnless(folder, ['check-ref-format', `refs/tags/${name}`], `--tag: git allows no tag of the name ${name}; release it without --tag`);
  if (hasTag(folder, name)) {
    throw new UserError(`--tag: git has a tag ${name} already; remove it (git tag -d ${name}) or release without --tag`);
  }
  const commit = refuseUnless(folder, ['rev-parse', '--verify', 'HEAD'], '--tag: the git repository has no commit that a tag could be of');
  const nobody = '--tag: git knows no name and address to tag with: set user.name and user.email with git config';
  refuseUnless(folder, ['var', 'GIT_COMMITTER_IDENT'], nobody);
  return { name, commit };
}

/** Whether there is such a tag. */
export function hasTag(folder: string, name: string): boolean {
  return git(folder, ['show-ref', '--verify', '--quiet', `refs/tags/${name}`]).problem === undefined;
}

/**
 * Makes an annotated tag.
 * @returns why it cannot be made; undefined where it was.
 */
export function makeTag(folder: string, { name, commit }: ReleaseTag, message: string): string | undefined {
  // The message keeps its headings: git would take lines that begin with # for comments.
  return git(folder, ['tag', '--annotate', '--cleanup=whitespace', '--file=-', name, commit], message).problem;
}

function refuseUnless(folder: string, args: readonly string[], problem: string): string {
  const { output, problem: found } = git(folder, args);
  if (found === undefined) return output.trim();
  throw new UserError(found.includes('ENOENT') ? '--tag: git is not installed; release without --tag' : problem);
}

function git(folder: string, args: readonly string[], input = ''): { readonly output: string; readonly problem?: string } {
  try {
    return { output: execFileSync('git', args, { cwd: folder, encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] }) };
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    return { output: '', problem: said === '' ? messageOf(error) : said };
  }
}
