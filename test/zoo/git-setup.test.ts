import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cacheFolder } from '../../src/engine/provision/locations';
import { blockIn, withBlock, setUpGit, type SetUp } from '../../src/zoo/git/set-up';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasAlone } from '../support/commands';
import { addModel as importedModel } from '../support/small-registry';

interface Said {
  readonly code: number | null;
  readonly text: string;
}

/** Runs git as somebody without settings of their own. */
function git(folder: string, ...args: string[]): Said {
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    // What a hook starts finds the native library where it is prepared, not in the home folder of this somebody.
    KUMPAS_CACHE: cacheFolder(),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const who = ['-c', 'user.name=Ana', '-c', 'user.email=ana@example.org', '-c', 'init.defaultBranch=main'];
  const { status, stdout, stderr } = spawnSync('git', [...who, ...args], { cwd: folder, env, encoding: 'utf8' });
  return { code: status, text: stdout + stderr };
}

/** A Kumpas whose `models check` finds models wrong that have a file `wrong`: what it says is all that the hook goes by. */
function kumpasIn(folder: string): string {
  const kumpas = path.join(folder, "it's kumpas");
  mkdirSync(path.join(kumpas, 'scripts'), { recursive: true });
  copyFileSync(path.join(checkout, 'scripts/check-commit.js'), path.join(kumpas, 'scripts/check-commit.js'));
  writeFileSync(
    path.join(kumpas, 'scripts/run.js'),
    `const [, , models, check, name, flag, root] = process.argv;
     if (models !== 'models' || check !== 'check' || flag !== '--root' || process.env.GIT_DIR !== undefined || process.env.GIT_INDEX_FILE !== undefined) process.exit(9);
     if (require('node:fs').existsSync(require('node:path').join(root, 'transformer', name, 'wrong'))) { console.log(name + ': config.json is missing'); process.exit(1); }`,
  );
  return kumpas;
}

function addModel(root: string, name: string): string {
  const model = path.join(root, 'transformer', name);
  mkdirSync(model, { recursive: true });
  writeFileSync(path.join(model, 'config.json'), '{}');
  return model;
}

function actions({ steps }: SetUp): string[] {
  return steps.map(({ action }) => action);
}

describe('git-setup', () => {
  it('lets commits pass that are in order, and refuses large files and models that are not', async () => {
    await inTemporaryFolder(async (folder) => {
      const top = path.join(folder, 'my work');
      const root = path.join(top, 'trained models');
      mkdirSync(root, { recursive: true });
      const request = { root, kumpas: kumpasIn(folder), limitMegabytes: 1, dryRun: false };
      await expect(setUpGit(request)).rejects.toThrow(/git finds no repository/);
      expect(git(top, 'init').code).toBe(0);
      expect(actions(await setUpGit({ ...request, dryRun: true }))).toEqual(['made', 'made', 'made']);
      expect(existsSync(path.join(root, '.gitignore'))).toBe(false);
      expect(actions(await setUpGit(request))).toEqual(['made', 'made', 'made']);
      expect(actions(await setUpGit(request))).toEqual(['same', 'same', 'same']);

      const model = addModel(root, 'transformer_one_01-02');
      writeFileSync(path.join(model, 'SignTransformer_last.pt'), 'state');
      writeFileSync(path.join(root, 'transformer', '.x.lock'), '');
      expect(git(top, 'add', '-A').code).toBe(0);
      const first = git(top, 'commit', '-m', 'First');
      expect(first).toMatchObject({ code: 0 });
      expect(git(top, 'ls-files').text).not.toMatch(/_last\.pt|\.lock/);
      expect(git(top, 'check-attr', 'filter', '--', 'trained models/transformer/a/b_best.pt').text).toMatch(/filter: lfs/);

      const large = path.join(top, 'a large\nfile.bin');
      writeFileSync(large, Buffer.alloc(1_000_001));
      git(top, 'add', '-A');
      const refused = git(top, 'commit', '-m', 'Large');
      expect(refused.code).toBe(1);
      expect(refused.text).toMatch(/a large\ufffdfile\.bin: 1\.0 MB, at most 1 MB go into git itself[^]*Nothing was committed/);
      expect(git(top, 'commit', '--no-verify', '-m', 'Large').code).toBe(0);
      rmSync(large);
      // What goes is never too large.
      expect(git(top, 'commit', '-am', 'Gone').code).toBe(0);

      writeFileSync(path.join(model, 'wrong'), '');
      git(top, 'add', '-A');
      const wrong = git(top, 'commit', '-m', 'Wrong');
      expect(wrong.code).toBe(1);
      expect(wrong.text).toMatch(
        /trained models\/transformer\/transformer_one_01-02 is not in order:\ntransformer_one_01-02: config\.json is missing/,
      );
      writeFileSync(path.join(top, 'notes.txt'), 'other files');
      git(top, 'reset', '-q');
      git(top, 'add', 'notes.txt');
      expect(git(top, 'commit', '-m', 'Notes').code).toBe(0);
      rmSync(path.join(model, 'wrong'));
      git(top, 'add', '-A');

      // In a worktree, and from a folder within, it is the same hook.
      expect(git(top, 'worktree', 'add', '-q', '../beside').code).toBe(0);
      const beside = path.join(folder, 'beside', 'trained models');
      expect(actions(await setUpGit({ ...request, root: beside }))).toEqual(['same', 'same', 'same']);
      writeFileSync(path.join(addModel(beside, 'transformer_two_01-02'), 'wrong'), '');
      git(beside, 'add', '-A');
      expect(git(path.join(beside, 'transformer'), 'commit', '-m', 'Wrong').text).toMatch(/transformer_two_01-02 is not in order/);

      rmSync(request.kumpas, { recursive: true });
      const without = git(beside, 'commit', '-m', 'Without Kumpas');
      expect(without.code).toBe(0);
      expect(without.text).toMatch(/run git-setup again/);
    });
  });

  it('refuses what the real check finds wrong', async () => {
    await inTemporaryFolder(async (top) => {
      git(top, 'init', '-q');
      const root = path.join(top, 'models');
      const { folder } = await importedModel(root, 'real');
      await setUpGit({ root, kumpas: checkout, limitMegabytes: 10, dryRun: false });
      git(top, 'add', '-f', '-A');
      expect(git(top, 'commit', '-m', 'In order')).toMatchObject({ code: 0 });
      writeFileSync(path.join(folder, 'training_log.txt'), 'no log');
      git(top, 'add', '-f', '-A');
      const refused = git(top, 'commit', '-m', 'Damaged');
      expect(refused.code).toBe(1);
      expect(refused.text).toMatch(/is not in order:[^]*training_log\.txt: expected the columns[^]*Nothing was committed/);
    });
  });

  it('leaves hooks and lines that are there, tells what to add by hand, and follows core.hooksPath', async () => {
    await inTemporaryFolder(async (folder) => {
      git(folder, 'init', '-q');
      const kumpas = kumpasIn(folder);
      const hook = path.join(folder, '.git/hooks/pre-commit');
      writeFileSync(hook, '#!/bin/sh\nexit 0\n');
      writeFileSync(path.join(folder, '.gitignore'), 'mine\r\n!*_last.pt\r\n');
      writeFileSync(path.join(folder, 'attributes'), '*.pt filter=mine\n');
      symlinkSync('attributes', path.join(folder, '.gitattributes'));
      const request = { root: folder, kumpas, limitMegabytes: 10, dryRun: false };
      const setUp = await setUpGit(request);
      expect(actions(setUp)).toEqual(['changed', 'changed', 'left']);
      expect(setUp.steps[2]?.byHand.join('\n')).toMatch(
        /there is a hook already[^]*# kumpas: begin[^]*node '.*it'\\''s kumpas\/scripts\/check-commit\.js' \. 10 \|\| exit 1/,
      );
      expect(readFileSync(hook, 'utf8')).toBe('#!/bin/sh\nexit 0\n');
      expect(readFileSync(path.join(folder, '.gitignore'), 'utf8')).toMatch(
        /^# kumpas: begin.*\r\n[^]*# kumpas: end\r\n\r\nmine\r\n!\*_last\.pt\r\n$/,
      );
      expect(readFileSync(path.join(folder, 'attributes'), 'utf8')).toMatch(/end\n\n\*\.pt filter=mine\n$/);
      expect(statSync(path.join(folder, '.gitattributes')).isFile()).toBe(true);
      expect(setUp.notes.join('\n')).toMatch(/A line of your own keeps \.pt files from Git LFS/);
      expect(actions(await setUpGit(request))).toEqual(['same', 'same', 'left']);

      // With the block in it, it is kept up to date, and what stands around it stays.
      const own = `#!/bin/sh\necho mine\n${(setUp.steps[2]?.byHand ?? []).slice(1).join('\n')}\necho too\n`;
      writeFileSync(hook, own.replaceAll(/ \. 10| 10 "\."/g, ' . 99'));
      chmodSync(hook, 0o700);
      expect(actions(await setUpGit(request))).toEqual(['same', 'same', 'changed']);
      expect(readFileSync(hook, 'utf8')).toBe(own);
      expect(statSync(hook).mode & 0o777).toBe(0o700);
      // A second registry of the repository is checked too, until it is gone.
      const second = path.join(folder, 'second "one"');
      mkdirSync(second);
      expect(actions(await setUpGit({ ...request, root: second, limitMegabytes: 5 }))).toEqual(['made', 'made', 'changed']);
      expect(readFileSync(hook, 'utf8')).toMatch(/check-commit\.js' \. 10 \|\| exit 1\n {2}node .* 'second "one"' 5 \|\| exit 1/);
      expect(actions(await setUpGit(request))).toEqual(['same', 'same', 'same']);
      rmSync(second, { recursive: true });
      expect(actions(await setUpGit(request))).toEqual(['same', 'same', 'changed']);
      expect(readFileSync(hook, 'utf8')).toBe(own);
      writeFileSync(path.join(folder, '.gitignore'), '# kumpas: end\n');
      expect((await setUpGit(request)).steps[0]).toMatchObject({
        action: 'left',
        byHand: [expect.stringMatching(/one of the marks is missing/)],
      });

      git(folder, 'config', 'core.hooksPath', '.my hooks');
      expect(actions(await setUpGit(request))).toEqual(['left', 'same', 'made']);
      expect(existsSync(path.join(folder, '.my hooks', 'pre-commit'))).toBe(true);
    });
  });

  it('is a command that explains what it did, and writes no hook where all of a user’s repositories share theirs', async () => {
    await inTemporaryFolder((folder) => {
      const root = path.join(folder, 'models');
      mkdirSync(root);
      git(folder, 'init', '-q');
      const settings = path.join(folder, 'gitconfig');
      writeFileSync(settings, `[core]\n\thooksPath = ${path.join(folder, 'shared')}\n`);
      const environment = { GIT_CONFIG_GLOBAL: settings };
      const { code, output } = kumpasAlone(['models', 'git-setup', '--root', root, '--limit-mb', '5'], { environment });
      expect(code).toBe(0);
      expect(output).toMatch(
        /^Repository .*\n\nwritten {4}.*models\/\.gitignore\n[^]*LEFT {7}.*shared\/pre-commit\n[^]*\| core\.hooksPath is set for all[^]*models 5 \|\| exit 1[^]*note: Hooks are not part of a clone/,
      );
      expect(existsSync(path.join(folder, 'shared'))).toBe(false);
    });
  });

  it('keeps one block in a file', () => {
    const once = withBlock('', ['a', 'b']);
    expect(blockIn(once)).toBe('whole');
    expect(withBlock(once, ['a', 'b'])).toBe(once);
    expect(withBlock(`x\n${once}y\n`, ['c'])).toBe(`x\n${withBlock('', ['c'])}y\n`);
    expect(blockIn(`${once}${once}`)).toBe('broken');
    expect(blockIn('nothing\n')).toBe('none');
  });
});
