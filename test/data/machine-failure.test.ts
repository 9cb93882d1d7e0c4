import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { formatNpz } from '../../src/data/npz';
import { clipArrays, inTemporaryFolder } from '../support/clip-files';

const root = path.resolve(__dirname, '../..');

/** Runs a script in a process whose limit of open files is reached once everything is loaded. */
function whereNoFileCanBeOpened(script: string, env: Readonly<Record<string, string>>): string {
  const whole = `
    const { openSync } = require('node:fs');
    const { inspectClip } = require('./src/data/clip.ts');
    const { Turns } = require('./src/data/file-reading.ts');
    const { registryFactsIn } = require('./src/folder/config-file.ts');
    const tell = (said) => process.stdout.write(said);
    const exhaust = () => { try { for (;;) openSync('/dev/null', 'r'); } catch {} };
    exhaust();
    setInterval(exhaust, 1).unref(); // What loaded the modules gives back files of its own in a moment.
    setTimeout(() => { exhaust(); ${script} }, 300);`;
  const { stdout, stderr } = spawnSync('bash', ['-c', 'ulimit -n 250; exec "$0" --import tsx -e "$1"', process.execPath, whole], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return `${stdout}${stderr}`;
}

describe('where the machine opens no more files', () => {
  it('a clip is not taken for a damaged one, which would be left out', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'clip.npz');
      writeFileSync(file, formatNpz(clipArrays(4)));
      const inspect = `inspectClip(process.env.CLIP, { key: 'X', width: 156 }, new Turns()).then(
        ({ problems }) => tell('problems: ' + problems.join()), (error) => tell(error.constructor.name + ' ' + error.message));`;
      expect(whereNoFileCanBeOpened(inspect, { CLIP: file })).toBe(
        `FileSystemProblem ${file}: too many files are open (EMFILE); raise the limit (ulimit -n); everything saved before is intact`,
      );
    });
  });

  it('what the registry keeps of a model is not taken for absent, and lost', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'config.json');
      writeFileSync(file, JSON.stringify({ run: { version: '1.2.0', stage: 'production' } }));
      const read = `try { tell(JSON.stringify(registryFactsIn(process.env.FILE))); } catch (error) { tell(error.constructor.name + ' ' + error.message); }`;
      expect(whereNoFileCanBeOpened(read, { FILE: file })).toMatch(/^FileSystemProblem .*config\.json: too many files are open \(EMFILE\)/);
    });
  });
});
