import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { UserError } from '../../foundation/errors';

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
    const said = (stderr ?? '').trim().split('\n')[0] ?? '';
    throw new UserError(`${folder}: git finds no repository with a working tree there (${said}); \`git init\` makes one`, { cause: error });
  }
}
