// @ts-check
// What a pre-commit hook runs that `npm run models -- git-setup` wrote: refuses large files that Git LFS does not take, and trained models that are not in order.
// node check-commit.js REGISTRY MEGABYTES, in the repository; REGISTRY is seen from its top.
const { execFileSync, spawnSync } = require('node:child_process');
const { existsSync, statSync } = require('node:fs');
const path = require('node:path');

const GITLINK = '160000';

/**
 * @param {readonly string[]} asked
 * @param {string} [input]
 */
function git(asked, input) {
  return execFileSync('git', asked, { encoding: 'utf8', input, maxBuffer: 1024 * 1024 * 1024 });
}

/** What is staged, what goes included: the new mode, the blob and the path. A file that LFS takes is staged as a pointer to it, of a few bytes. */
function stagedFiles() {
  const fields = git(['diff', '--cached', '--raw', '--no-renames', '--no-abbrev', '-z']).split('\0');
  const staged = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode = '', , blob = '', status = ''] = (fields[at] ?? '').split(' ');
    staged.push({ mode, blob, gone: status.startsWith('D'), file: fields[at + 1] ?? '' });
  }
  return staged;
}

/**
 * @param {ReturnType<typeof stagedFiles>} staged
 * @param {number} limit bytes
 */
function largeFiles(staged, limit) {
  const files = staged.filter(({ mode, gone }) => !gone && mode !== GITLINK);
  if (files.length === 0) return [];
  const sizes = git(['cat-file', '--batch-check=%(objectsize)'], `${files.map(({ blob }) => blob).join('\n')}\n`).split('\n');
  return files.flatMap(({ file }, place) => {
    const bytes = Number(sizes[place]);
    return bytes > limit
      ? [
          `${printable(file)}: ${(bytes / 1e6).toFixed(1)} MB, at most ${limit / 1e6} MB go into git itself; give it to Git LFS, or leave it out`,
        ]
      : [];
  });
}

/**
 * The model folders that staged files lie in, by their paths, as far as they are there.
 * @param {ReturnType<typeof stagedFiles>} staged
 * @param {string} root of the registry, from the top
 */
function stagedModels(staged, root) {
  const prefix = root === '.' ? '' : `${root}/`;
  const folders = staged.flatMap(({ file }) => {
    if (!file.startsWith(prefix)) return [];
    const [first = '', second = '', ...rest] = file.slice(prefix.length).split('/');
    if (first === 'archive' || first.startsWith('.')) return [];
    if (second !== '' && existsSync(path.join(root, first, 'config.json'))) return [path.join(root, first)];
    const folder = path.join(root, first, second);
    return rest.length > 0 && !second.startsWith('.') && existsSync(folder) && statSync(folder).isDirectory() ? [folder] : [];
  });
  return [...new Set(folders)];
}

/**
 * What `npm run models -- check NAME` says of a model; undefined where it is in order.
 * @param {string} folder
 * @param {string} root
 */
function faultsOf(folder, root) {
  // Git's own variables tell of the commit at hand, and would lead other git commands astray.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(__dirname, 'run.js'), 'models', 'check', path.basename(folder), '--root', path.resolve(root)],
    { cwd: path.dirname(__dirname), env, encoding: 'utf8' },
  );
  return status === 0 ? undefined : `${printable(folder)} is not in order:\n${(stdout + stderr).trim()}`;
}

/** @param {string} text */
function printable(text) {
  return text.replace(/\p{Cc}/gu, '\ufffd');
}

const [root = '.', megabytes = '10'] = process.argv.slice(2);
process.chdir(git(['rev-parse', '--show-toplevel']).replace(/\r?\n$/, ''));
const staged = stagedFiles();
const problems = [
  ...largeFiles(staged, Number(megabytes) * 1e6),
  ...stagedModels(staged, root).flatMap((folder) => faultsOf(folder, root) ?? []),
];
if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\nNothing was committed. \`git commit --no-verify\` leaves this check out.\n`);
  process.exitCode = 1;
}
