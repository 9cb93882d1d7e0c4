import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkout } from '../support/commands';

const LOADER = path.join(checkout, 'scripts/module-loader.js');

/** What keeps modules counts a file that changed within two seconds before a process as one that may change again. */
const SETTLED = 2100;

let folder = '';
const project = (): string => path.join(folder, 'project');
const cache = (): string => path.join(folder, 'cache');
const stores = (): string[] => readdirSync(path.join(cache(), 'starts')).map((name) => path.join(cache(), 'starts', name));

function write(name: string, text: string): void {
  const file = path.join(project(), name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kumpas-test-'));
  mkdirSync(cache());
  write('package.json', '{}');
  write(
    'src/main.ts',
    "import { word } from './word';\nconst say = async (): Promise<void> => {\n  const { more } = await import('./later.js');\n  console.log(word, more);\n};\nvoid say();\n",
  );
  const started = { project: project(), cache: cache(), command: 'say', translates: true };
  write(
    'scripts/start.js',
    `require(${JSON.stringify(LOADER)}).keepModules(${JSON.stringify(started)});
    process.on('exit', () => console.error(Object.keys(require.cache).some((file) => file.includes('/tsx/')) ? 'translated' : 'kept'));
    require('../src/main');`,
  );
  write('src/word.ts', "export const word: string = 'first';\n");
  write('src/later.ts', "export const more: string = 'later';\n");
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the project's main file as a command is run; whether TypeScript was translated for it stands on standard error. */
function start(environment: Readonly<Record<string, string>> = {}): { said: string; errors: string } {
  const env = { ...process.env, ...environment };
  const { stdout, stderr } = spawnSync(process.execPath, [path.join(project(), 'scripts/start.js')], { encoding: 'utf8', env });
  return { said: stdout.trim(), errors: stderr.trim() };
}

describe("a command's modules", () => {
  it('are translated once, then taken as they were, and never once their source has changed', async () => {
    expect(start()).toEqual({ said: 'first later', errors: 'translated' });
    await setTimeout(SETTLED);
    expect(start().said).toBe('first later');
    expect(start()).toEqual({ said: 'first later', errors: 'kept' });

    write('src/word.ts', "export const word: string = 'secnd';\n"); // As long as it was.
    expect(start()).toEqual({ said: 'secnd later', errors: 'translated' });
    write('src/later.ts', "throw new Error('of later');\n");
    expect(start().errors).toContain(path.join(project(), 'src/later.ts:1:7'));
    write('src/later/index.ts', "export const more: string = 'in a folder';\n");
    rmSync(path.join(project(), 'src/later.ts'));
    write('src/main.ts', readFileSync(path.join(project(), 'src/main.ts'), 'utf8').replace('./later.js', './later/index.js'));
    expect(start().said).toBe('secnd in a folder');
  }, 60_000);

  it('are translated where what is kept is damaged, could be of somebody else, or cannot be kept', async () => {
    await setTimeout(SETTLED);
    start();
    const [store = ''] = stores();
    const whole = readFileSync(store);
    const places = [20, Math.floor(whole.length / 3), whole.length - 40];
    for (const damaged of [
      whole.subarray(0, 400),
      Buffer.alloc(0),
      ...places.map((place) => Buffer.from(whole).fill(7, place, place + 8)),
    ]) {
      writeFileSync(store, damaged);
      expect(start().said).toBe('first later');
    }
    writeFileSync(store, whole);
    expect(start().errors).toBe('kept');
    chmodSync(store, 0o666);
    expect(start().errors).toBe('translated');
    expect(start({ HOME: '' }).said).toBe('first later');
    rmSync(cache(), { recursive: true });
    writeFileSync(cache(), 'a file where a folder should be');
    expect(start()).toEqual({ said: 'first later', errors: 'translated' });
  }, 60_000);
});
