import { packOptions, packSet, type PackedSet } from '../../data/pack/pack-set';
import { unpackOptions, unpackSet } from '../../data/pack/unpack-set';
import { bytesText, shellWord } from '../../foundation/text';
import { verbCommand, type Command } from '../command';
import { watchForInterruption } from '../exit';
import { jsonFlag } from '../flags';
import { hooksOf } from '../progress';
import type { Terminal } from '../terminal';

const PACK = 'npm run data -- pack';

/** `data pack`. */
export const packCommand: Command = verbCommand(
  {
    command: PACK,
    takes: 'DIR',
    positional: 'data',
    summary:
      'Packs a set, or a collection, into one file that --data takes in place of the folder and that Python reads as safetensors: tables as they are, clips as arrays that any order is read of at once. Nothing of the folder is changed, and the same folder makes the same bytes.',
    options: packOptions,
    flags: jsonFlag,
    examples: [
      [`${PACK} clips/`, 'clips.kumpas.safetensors'],
      [`${PACK} clips/ -o sets/fsl.kumpas.safetensors`, 'under another name'],
      ['npm run train -- --data clips.kumpas.safetensors', 'train on it: the same clips, in the same order, to the same weights'],
      ['npm run data -- unpack clips.kumpas.safetensors', 'make a folder of it again'],
    ],
  },
  async ({ options, flags }, terminal) =>
    unlessInterrupted(terminal, async (signal) => {
      const packed = await packSet(options, hooksOf(terminal, flags, signal));
      terminal.output.write(flags['json'] === true ? `${JSON.stringify(packed, null, 2)}\n` : packedText(packed));
      return 0;
    }),
);

function packedText({ file, clips, tables, bytes }: PackedSet): string {
  const lines = [
    `${clips} clips and ${tables.join(', ')}: ${bytesText(bytes)}`,
    '',
    file,
    '',
    'Next',
    `  npm run train -- --data ${shellWord(file)}`,
  ];
  return `${lines.join('\n')}\n`;
}

const UNPACK = 'npm run data -- unpack';

/** `data unpack`. */
export const unpackCommand: Command = verbCommand(
  {
    command: UNPACK,
    takes: 'FILE',
    positional: 'pack',
    summary: 'Makes a folder of a pack: the tables byte for byte, the clips with the same arrays. Everything is verified as it is read.',
    options: unpackOptions,
    flags: jsonFlag,
    examples: [
      [`${UNPACK} clips.kumpas.safetensors`, 'into clips/'],
      [`${UNPACK} clips.kumpas.safetensors -o elsewhere/clips`, 'into another folder, which must not be there yet'],
    ],
  },
  async ({ options, flags }, terminal) =>
    unlessInterrupted(terminal, async (signal) => {
      const unpacked = await unpackSet(options, hooksOf(terminal, flags, signal));
      const { folder, clips, tables } = unpacked;
      terminal.output.write(
        flags['json'] === true ? `${JSON.stringify(unpacked, null, 2)}\n` : `${clips} clips and ${tables} tables verified\n\n${folder}\n`,
      );
      return 0;
    }),
);

/** Ctrl-C ends the work at the next clip, and what was begun is removed. */
async function unlessInterrupted(terminal: Terminal, work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const interruption = watchForInterruption(terminal.errors, 'what was begun is removed');
  try {
    return await work(interruption.signal);
  } catch (error) {
    const exitCode = interruption.exitCode();
    if (exitCode === undefined) throw error;
    return exitCode;
  } finally {
    interruption.end();
  }
}
