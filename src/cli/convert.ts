import type { Terminal } from './terminal';
import { commandGroup, plainCommand, type Command } from './command';
import { runImportCommand } from './convert-import';
import { runInspectCommand } from './convert-inspect';
import { ownModels } from '../models/model-table';
import { UserError } from '../foundation/errors';
import {
  checkpointFlags,
  optimizerFlag,
  commonFlags,
  jsonFlag,
  type FlagTable,
  optionalText,
  readingOf,
  requiredText,
  shapeOf,
  wholeNumber,
  onlyPositional,
} from './flags';
import type { WeightDtype } from '../checkpoint/state-dict';
import { exportCheckpoint, type ExportedModel, type ExportFormat } from '../conversion/export-checkpoint';
import { startRuntime } from '../engine/runtime';
import { bytesText } from './quantities';
import { modelFile } from '../folder/model-folder';

/** The flags of `convert inspect`. */
export const inspectFlags = { ...checkpointFlags, ...optimizerFlag, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** The flags of `convert import`. */
export const importFlags = {
  model: { string: true, group: 'Model:', description: `The model it must be: ${ownModels.names.join(', ')}.`, defaultDescription: 'auto' },
  ...checkpointFlags,
  ...optimizerFlag,
  labels: { string: true, group: 'Import:', description: 'Names of the classes: gloss_id,label,cat_id,category.' },
  log: { string: true, group: 'Import:', description: 'The log of that training (CSV); it becomes a training_log.txt.' },
  description: { string: true, group: 'Import:', description: "A word for the new folder's name.", defaultDescription: 'legacy' },
  'save-dir': {
    string: true,
    group: 'Import:',
    description: 'Folder in which the new folder is made.',
    defaultDescription: 'trained_models/<model>',
  },
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** The flags of `convert export`. */
export const exportFlags = {
  format: { string: true, group: 'Export:', description: 'torch, safetensors or saved-model.' },
  dtype: { string: true, group: 'Export:', description: 'float32, float16 or bfloat16, for the weights.', defaultDescription: 'float32' },
  'weights-only': {
    type: 'boolean',
    group: 'Export:',
    description: 'torch: a bare state_dict, without the state of a training and without config and labels.',
  },
  out: {
    string: true,
    group: 'Export:',
    description: 'The file, or for saved-model the folder, to write; never one that is there.',
    defaultDescription: 'in a folder exports beside the checkpoint',
  },
  'batch-size': { string: true, group: 'Export:', description: 'saved-model: clips in a call.', defaultDescription: '1' },
  frames: {
    string: true,
    group: 'Export:',
    description: 'saved-model: frames of a clip; shorter ones are padded by the caller.',
    defaultDescription: 'as many as the model takes',
  },
  ...checkpointFlags,
  ...optimizerFlag,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

const command = 'npm run convert --';

const inspectExamples = [
  [`${command} inspect old.pt`, 'what a checkpoint is, which model it fits'],
  [`${command} inspect old.pt --json`, 'the same for a script'],
] as const;

const importExamples = [
  [`${command} import old.pt --num-heads 8 --labels labels_reference.csv --log old.csv`, 'a model folder of one checkpoint'],
  [`${command} import old_models/`, 'one of each checkpoint in a folder and below'],
] as const;

const exportExamples = [
  [`${command} export trained_models/transformer/transformer_baseline_09-20 --format safetensors`, 'the weights of the best epoch'],
  [
    `${command} export trained_models/transformer/transformer_baseline_09-20/SignTransformer_last.pt --format torch --out resume.pt`,
    'for PyTorch, to go on from',
  ],
  [`${command} export model.pt --format saved-model --frames 100`, 'for TensorFlow Serving'],
] as const;

const inspect = plainCommand(
  {
    command: `${command} inspect`,
    takes: 'FILE',
    summary: 'Says what a checkpoint is: its keys, its tensors, which model it fits, what it would need. Nothing in it is run.',
    flags: inspectFlags,
    examples: inspectExamples,
  },
  runInspectCommand,
);

const importInto = plainCommand(
  {
    command: `${command} import`,
    takes: 'FILE|FOLDER',
    summary:
      'Makes a model folder of a checkpoint that PyTorch wrote (.pt of either form, .safetensors), or one of each in a folder and below.',
    flags: importFlags,
    examples: importExamples,
  },
  runImportCommand,
);

const exportAs = plainCommand(
  {
    command: `${command} export`,
    takes: 'FOLDER|FILE',
    summary: 'Writes a model for PyTorch, as safetensors, or as a SavedModel for TensorFlow. Of a model folder, its _best.pt is taken.',
    flags: exportFlags,
    examples: exportExamples,
  },
  runExportCommand,
);

/** The `convert` command, which has three of its own. */
export const convertCommand: Command = commandGroup({
  command,
  summary: 'Looks into checkpoints of PyTorch, makes model folders of them, and writes models for others.',
  actions: {
    inspect: { takes: 'FILE', summary: 'Say what a checkpoint is.', load: () => Promise.resolve(inspect) },
    import: { takes: 'FILE|FOLDER', summary: 'Make a model folder of a checkpoint.', load: () => Promise.resolve(importInto) },
    export: { takes: 'FOLDER|FILE', summary: 'Write a model in another form.', load: () => Promise.resolve(exportAs) },
  },
  examples: [...inspectExamples, ...importExamples, ...exportExamples],
  epilogue: 'docs/from-pytorch.md tells more.',
});

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
