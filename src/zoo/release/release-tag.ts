import { execFileSync } from 'node:child_process';
import { messageOf, UserError } from '../../foundation/errors';
import { parseFolderName } from '../../folder/folder-name';
import { ownModels } from '../../models/model-table';

/** A tag that is to be made, and the commit that it is of. */
export interface ReleaseTag {
  readonly name: string;
  readonly commit: string;
}

/**
 * The tag for a release of a model folder, `transformer_baseline/v1.1.0`, once it is sure that git can make it.
 * @throws UserError where there is no repository or no commit, nobody whom git could name, or the tag is there already.
 */
export function planTag(folder: string, model: string, version: string): ReleaseTag {
  const parsed = parseFolderName(model, ownModels.names);
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
