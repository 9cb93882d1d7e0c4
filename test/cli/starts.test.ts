import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { commands } from '../../src/cli/commands';
import { required } from '../../src/foundation/required';
import { inTemporaryFolder, writeDataFolder } from '../support/clip-files';
import { kumpasAlone, sharedCommands, type Printed } from '../support/commands';
import { torchFolder } from '../support/parity';

const { kumpasIn } = sharedCommands();

/** A model, clips to look at, and a file that is none. */
function writeWorld(folder: string): void {
  mkdirSync(path.join(folder, 'model'));
  copyFileSync(path.join(torchFolder, 'tiny_full.pt'), path.join(folder, 'model', 'SignTransformer_best.pt'));
  writeDataFolder(path.join(folder, 'data'), { train: [], val: [{ name: 'one', gloss: 1, category: 1, frames: 20 }] });
  writeFileSync(path.join(folder, 'mine.txt'), 'mine');
}

/** Of every command a call that does something of its own, and how it ends. */
const CALLS: Readonly<Record<string, readonly [argv: readonly string[], code: number]>> = {
  train: [['--data', 'data', '--lr', '-1'], 1],
  app: [['absent.pt'], 1],
  sweep: [['--grid', 'lr=-1', '--out', 'sweep'], 1],
  watch: [['model'], 1],
  evaluate: [['--model-path', 'model', '--data', 'data', '--output-dir', 'results'], 0],
  predict: [['--model-path', 'model', '--input', 'data/keypoints_val/one.npz', '--json'], 0],
  convert: [['inspect', 'model/SignTransformer_best.pt', '--json'], 0],
  compare: [['model'], 1],
  models: [['list', '--root', 'absent'], 1],
  data: [['extract', '--videos', 'absent', '--out', 'clips'], 1],
  features: [['--frames', 'data', '--out', 'features'], 1],
  'demo-data': [['--out', '.'], 1],
};

/** Runs a call in a folder of its own; what is printed does not keep the folder's name, nor how fast it went. */
function endOf(run: (folder: string) => Printed | Promise<Printed>): Promise<Printed> {
  return inTemporaryFolder(async (folder) => {
    writeWorld(folder);
    const { code, output, errors } = await run(folder);
    const comparable = (text: string): string => text.replaceAll(folder, '.').replace(/[\d.]+ clips\/s/, '… clips/s');
    return { code, output: comparable(output), errors: comparable(errors) };
  });
}

describe('a command that is started for itself', () => {
  it.each(Object.keys(commands))('ends as it does where a process runs many, and prints the same: %s', async (command) => {
    const [argv, code] = required(CALLS[command], `a call of ${command}`);
    const alone = await endOf((cwd) => kumpasAlone([command, ...argv], { cwd }));
    expect({ code: alone.code, says: alone.output + alone.errors !== '' }).toEqual({ code, says: true });
    expect(await endOf((cwd) => kumpasIn(cwd, command, ...argv))).toEqual(alone);
  });
});
