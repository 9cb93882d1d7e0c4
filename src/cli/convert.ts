import type { ExportedModel } from '../conversion/export-checkpoint';
import { exportSettings, importSettings, inspectSettings } from '../conversion/options';
import { commandGroup, verbCommand, type Command } from './command';
import { runImport } from './convert-import';
import { runInspection } from './convert-inspect';
import { jsonFlag, onlyPositional } from './flags';
import { hooksOf } from './progress';
import { bytesText } from './quantities';
import { pathOfModel } from './model-names';
import { ownModelFlags } from './own-models';

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
  [`${command} export transformer_baseline_09-20 --format safetensors`, 'the weights of the best epoch'],
  [
    `${command} export trained_models/transformer/transformer_baseline_09-20/SignTransformer_last.pt --format torch --out resume.pt`,
    'for PyTorch, to go on from',
  ],
  [`${command} export model.pt --format saved-model --frames 100`, 'for TensorFlow Serving'],
] as const;

const inspect = verbCommand(
  {
    command: `${command} inspect`,
    takes: 'FILE',
    summary: 'Says what a checkpoint is: its keys, its tensors, which model it fits, what it would need. Nothing in it is run.',
    options: inspectSettings,
    flags: { ...ownModelFlags, ...jsonFlag },
    examples: inspectExamples,
  },
  runInspection,
);

const importInto = verbCommand(
  {
    command: `${command} import`,
    takes: 'FILE|FOLDER',
    summary:
      'Makes a model folder of a checkpoint that PyTorch wrote (.pt of either form, .safetensors), or one of each in a folder and below.',
    options: importSettings,
    flags: jsonFlag,
    examples: importExamples,
  },
  runImport,
);

const exportAs = verbCommand(
  {
    command: `${command} export`,
    takes: 'FOLDER|FILE',
    summary: 'Writes a model for PyTorch, as safetensors, or as a SavedModel for TensorFlow. Of a model folder, its _best.pt is taken.',
    options: exportSettings,
    flags: { ...ownModelFlags, ...jsonFlag },
    examples: exportExamples,
  },
  async ({ options, flags, positionals }, terminal) => {
    const model = pathOfModel(onlyPositional(positionals, 'a model folder, or a checkpoint'));
    const { convert } = await import('../conversion/convert.js'); // With TensorFlow: only when it is needed.
    const exported = await convert.export({ model, ...options }, hooksOf(terminal, flags));
    terminal.output.write(flags['json'] === true ? `${JSON.stringify(exported, null, 2)}\n` : exportText(exported));
    return 0;
  },
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

function exportText({ path, bytes, content, notes }: ExportedModel): string {
  return `${[...notes.map((note) => `note: ${note}`), `${path}: ${content}, ${bytesText(bytes)}`].join('\n')}\n`;
}
