import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { replaceFile, replaceText, writeTextAtomically } from '../../src/foundation/atomic-file';
import { fileSystemProblem, FileSystemProblem } from '../../src/foundation/file-system-problem';
import { lockFileOf, lockFolder } from '../../src/foundation/folder-lock';
import { buildFolder, keepFolder, makeFolders } from '../../src/foundation/folders';
import { inTemporaryFolder } from '../support/clip-files';

/** What an action throws, as `name: message`. */
function thrownBy(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof FileSystemProblem ? error.message : `no problem of the file system: ${String(error)}`;
  }
  return 'nothing';
}

function systemError(code: string, more: object = {}): Error {
  return Object.assign(new Error(`${code}: as the system says it`), { code, syscall: 'write', ...more });
}

describe('fileSystemProblem', () => {
  it.each(
    'ENOSPC EDQUOT EFBIG EROFS EACCES EPERM EIO EISDIR ENOTDIR EMFILE ENFILE ENAMETOOLONG ELOOP EBUSY ETXTBSY ENXIO ESTALE'.split(' '),
  )('tells %s in one line that names the file and what to do', (code) => {
    const problem = fileSystemProblem(systemError(code, { path: path.join('models', '.a.png.aa4fe94e.tmp') }));
    expect(problem?.message).toMatch(
      new RegExp(`^models${path.sep}a\\.png: [a-z][^\\n]* \\(${code}\\); [a-z][^\\n]+; everything saved before is intact$`),
    );
  });

  it('leaves what only a mistake of the program explains', () => {
    for (const error of [new TypeError('x is undefined'), systemError('EBADF'), systemError('EINVAL'), systemError('ENOENT'), undefined])
      expect(fileSystemProblem(error)).toBeUndefined();
  });

  it('is of the file that is written, not of the one that is written meanwhile', async () => {
    await inTemporaryFolder((folder) => {
      const taken = path.join(folder, 'report.html');
      mkdirSync(path.join(taken, 'inner'), { recursive: true });
      expect(
        thrownBy(() => {
          writeTextAtomically(taken, 'text');
        }),
      ).toMatch(/^\/[^\n]*\/report\.html: a folder lies where a file is expected \(EISDIR\); /);
      expect(
        thrownBy(() => {
          writeTextAtomically(path.join(folder, 'n'.repeat(300)), 'text');
        }),
      ).toContain('(ENAMETOOLONG)');
      expect(
        thrownBy(() => {
          buildFolder(path.join(folder, 'built'), (unfinished) => {
            writeTextAtomically(path.join(unfinished, 'm'.repeat(250)), '');
          });
        }),
      ).toMatch(/^\/[^\n]*\/built\/m+: its name is too long \(ENAMETOOLONG\)/);
      expect(readdirSync(folder)).toEqual(['report.html']);
    });
  });
});

describe('a folder that was taken away', () => {
  it('is not made again by whoever replaces a file in it', async () => {
    await inTemporaryFolder((folder) => {
      const gone = path.join(folder, 'run');
      expect(
        thrownBy(() => {
          replaceText(path.join(gone, 'log.txt'), 'text');
        }),
      ).toMatch(/run\/log\.txt: it cannot be written: the folder \/[^\n]*\/run is not there; was it renamed or removed meanwhile\?$/);
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it('leaves no temporary file in the folder under its new name', async () => {
    await inTemporaryFolder((folder) => {
      const [run, moved] = [path.join(folder, 'run'), path.join(folder, 'moved')];
      mkdirSync(run);
      writeFileSync(path.join(run, 'log.txt'), 'old');
      const rename = (): void => {
        renameSync(run, moved);
      };
      const renamedMeanwhile = (): void => {
        replaceFile(path.join(run, 'log.txt'), (append) => {
          append('half of the n');
          rename();
        });
      };
      expect(thrownBy(renamedMeanwhile)).toContain('is not there');
      expect(readdirSync(folder)).toEqual(['moved']);
      expect(readdirSync(moved)).toEqual(['log.txt']);
      expect(readFileSync(path.join(moved, 'log.txt'), 'utf8')).toBe('old');
    });
  });

  it('is known by what it is: another of its name is another, and files that it must hold are missed', async () => {
    await inTemporaryFolder((folder) => {
      const run = path.join(folder, 'run');
      mkdirSync(run);
      writeFileSync(path.join(run, 'config.json'), '{}');
      const kept = keepFolder(run, ['config.json']);
      expect(thrownBy(kept.requireThere)).toBe('nothing');
      renameSync(run, path.join(folder, 'moved'));
      expect(thrownBy(kept.requireThere)).toBe(`${run}: the folder was renamed meanwhile; it is ${path.join(folder, 'moved')} now`);
      mkdirSync(run);
      writeFileSync(path.join(run, 'config.json'), '{}');
      expect(thrownBy(kept.requireThere)).toContain('the folder was renamed meanwhile');
      rmSync(path.join(folder, 'moved'), { recursive: true });
      expect(thrownBy(kept.requireThere)).toBe(`${run}: the folder was renamed or removed meanwhile`);
      expect(kept.placeNow()).toBeUndefined();
      kept.release();
      const again = keepFolder(run, ['config.json']);
      rmSync(path.join(run, 'config.json'));
      expect(thrownBy(again.requireThere)).toBe(`${run}: its files were taken away meanwhile (config.json is missing)`);
      again.release();
    });
  });
});

describe('locks', () => {
  it('are released where the folder around them was renamed', async () => {
    await inTemporaryFolder((folder) => {
      const parent = path.join(folder, 'transformer');
      const lock = lockFolder(path.join(parent, 'run'), 'train');
      expect(readdirSync(parent)).toEqual(['.run.lock']);
      renameSync(parent, path.join(folder, 'moved'));
      lock.release();
      lock.release();
      expect(readdirSync(folder, { recursive: true })).toEqual(['moved']);
    });
  });

  it('are refused in a line where something else lies in their place, or no folder can be made', async () => {
    await inTemporaryFolder((folder) => {
      const run = path.join(folder, 'run');
      symlinkSync(path.join(folder, 'nowhere'), lockFileOf(run));
      expect(() => lockFolder(run, 'train')).toThrow(/\.run\.lock: what lies in the lock's place is no lock; remove it$/);
      writeFileSync(path.join(folder, 'file'), '');
      expect(() => lockFolder(path.join(folder, 'file', 'run'), 'train')).toThrow(/(no folder can be made there|EEXIST|ENOTDIR)/);
    });
  });
});

it('a folder that cannot be made is told by its own name, with the reason in words', async () => {
  await inTemporaryFolder((folder) => {
    writeFileSync(path.join(folder, 'file'), '');
    const wanted = path.join(folder, 'file', 'export');
    expect(() => {
      buildFolder(wanted, () => undefined);
    }).toThrow(`${wanted}: no folder can be made there: a file lies where a folder is expected (ENOTDIR)`);
  });
});

it('a folder that the system refuses is told at once', () => {
  expect(() => {
    makeFolders('/proc/nope/deeper');
  }).toThrow(/^\/proc\/nope\/deeper: no folder can be made there: /);
});
