import type { WeightDtype } from '../checkpoint/state-dict';
import { exportCheckpoint, type ExportedModel, type ExportFormat } from '../conversion/export-checkpoint';
import { startRuntime } from '../engine/runtime';
import { modelFile } from '../evaluation/model-file';
import { UserError } from '../foundation/errors';
import type { Terminal } from './command';
import { onlyPositional } from './convert-flags';
import { optionalText, readingOf, requiredText, shapeOf, wholeNumber } from './model-flags';
import { bytesText } from './quantities';

const FORMATS: readonly ExportFormat[] = ['torch', 'safetensors', 'saved-model'];
const DTYPES: readonly WeightDtype[] = ['float32', 'float16', 'bfloat16'];

/**
 * Writes a model in another form.
 * @returns the process's exit code.
 */
export async function runExportCommand(
  typed: Readonly<Record<string, unknown>>,
  terminal: Terminal,
  positionals: readonly string[],
): Promise<number> {
  const named = onlyPositional(positionals, 'a model folder, or a checkpoint');
  const format = oneOf(FORMATS, '--format', requiredText(typed, 'format', FORMATS.join(', ')));
  if (format === 'saved-model') {
    const runtime = await startRuntime({ verbose: typed['verbose'] === true });
    if (runtime.warning !== undefined) terminal.errors.write(`warning: ${runtime.warning}\n`);
  }
  const exported = exportCheckpoint({
    file: modelFile(named),
    format,
    dtype: oneOf(DTYPES, '--dtype', optionalText(typed, 'dtype') ?? 'float32'),
    weightsOnly: typed['weights-only'] === true,
    out: optionalText(typed, 'out'),
    shape: shapeOf(typed),
    reading: readingOf(typed),
    batchSize: wholeNumber(typed, 'batch-size', 1) ?? 1,
    frames: wholeNumber(typed, 'frames', 1),
  });
  terminal.output.write(typed['json'] === true ? `${JSON.stringify(exported, null, 2)}\n` : exportText(exported));
  return 0;
}

function oneOf<Word extends string>(words: readonly Word[], flag: string, found: string): Word {
  const word = words.find((candidate) => candidate === found);
  if (word === undefined) throw new UserError(`${flag}: expected ${words.join(', ')}, found "${found}"`);
  return word;
}

function exportText({ path, bytes, content, notes }: ExportedModel): string {
  return `${[...notes.map((note) => `note: ${note}`), `${path}: ${content}, ${bytesText(bytes)}`].join('\n')}\n`;
}
