import { existsSync, statSync } from 'node:fs';
import type { ExportedModel } from '../conversion/export-checkpoint';
import type { TreeImport } from '../conversion/import-tree';
import { exportSettings, importSettings, inspectSettings } from '../conversion/options';
import type { ImportedModel } from '../conversion/read-import';
import { bytesText, printableLine, percent } from '../foundation/text';
import { commandGroup, verbCommand, type Command, type Typed } from './command';
import { runInspection } from './convert-inspect';
import { watchForInterruption } from './exit';
import { jsonFlag, onlyPositional } from './flags';
import { pathOfModel, ownModelFlags, modelsGiven } from './model-flags';
import { hooksOf } from './progress';
import { columns } from './quantities';
import type { Terminal } from './terminal';

const command = 'npm run convert --';

const inspectExamples = [
  [`${command} inspect old.pt`, 'what a checkpoint is, which model it fits'],
  [`${command} inspect old.pt --json`, 'the same for a script'],
] as const;

const importExamples = [
  [`${command} import old.pt --num-heads 8 --labels-reference labels_reference.csv --log old.csv`, 'a model folder of one checkpoint'],
  [`${command} import old_models/`, 'one of each checkpoint in a folder and below'],
] as const;

const exportExamples = [
  [`${command} export transformer_baseline_09-20 --format safetensors`, 'the weights of the best epoch'],
  [
    `${command} export trained_models/transformer/transformer_baseline_09-20/SignTransformer_last.pt --format torch --out resume.pt`,
    'for PyTorch, to go on from',
  ],
  [`${command} export model.pt --format saved-model --frames 100`, 'for TensorFlow Serving'],
  [`${command} export transformer_baseline_09-20 --format web --out site`, 'a page that recognises signs without a server'],
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
    summary:
      'Writes a model for PyTorch, as safetensors, as a SavedModel for TensorFlow, or as a page for browsers. Of a model folder, its _best.pt is taken.',
    options: exportSettings,
    flags: { ...ownModelFlags, ...jsonFlag },
    examples: exportExamples,
  },
  async ({ options, flags, positionals }, terminal) => {
    const model = await pathOfModel(onlyPositional(positionals, 'a model folder, or a checkpoint'));
    const { convert } = await import('../conversion/convert.js'); // With TensorFlow: only when it is needed.
    const exported = await convert.export({ model, ...options }, hooksOf(terminal, flags));
    terminal.output.write(flags['json'] === true ? `${JSON.stringify(exported, null, 2)}\n` : exportText(exported));
    if (options.format === 'web' && flags['json'] !== true)
      terminal.output.write(`\nLook at it: python3 -m http.server --directory ${exported.path}, then http://localhost:8000/\n`);
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

function exportText({ path, bytes, content, notes, sizes = [] }: ExportedModel): string {
  const lines = [...notes.map((note) => `note: ${note}`), `${path}: ${content}, ${bytesText(bytes)}`, ...sizes.map((line) => `  ${line}`)];
  return `${lines.join('\n')}\n`;
}

/**
 * Makes model folders of a checkpoint or of all in a folder.
 * @returns the process's exit code: 1 where one of a folder could not be imported.
 */
export async function runImport({ options, flags, positionals }: Typed<typeof importSettings>, terminal: Terminal): Promise<number> {
  const file = onlyPositional(positionals, 'a checkpoint (.pt or .safetensors), or a folder of checkpoints');
  const { convert } = await import('../conversion/convert.js'); // With TensorFlow: only when it is needed.
  const json = flags['json'] === true;
  const { models, given } = modelsGiven(options.model);
  const asked = { file, ...options, ...(given === undefined ? {} : { model: given.name }) };
  // So that Ctrl-C leaves no half of a folder.
  const interruption = watchForInterruption(terminal.errors, 'the checkpoint that was begun with is imported');
  try {
    if (existsSync(file) && statSync(file).isDirectory()) {
      const result = await convert.importFolder(asked, { ...hooksOf(terminal, flags, interruption.signal), models });
      terminal.output.write(json ? `${JSON.stringify(result, null, 2)}\n` : treeText(result));
      return interruption.exitCode() ?? (result.failed.length === 0 ? 0 : 1);
    }
    const imported = await convert.import(asked, { models });
    terminal.output.write(json ? `${JSON.stringify(imported, null, 2)}\n` : importText(imported));
    return interruption.exitCode() ?? 0;
  } finally {
    interruption.end();
  }
}

function importText({ file, folder, files, model, epoch, bestMetric, resumable, notes }: ImportedModel): string {
  const trained = epoch === undefined ? '' : `, after epoch ${epoch}`;
  const lines = [
    `${file}: ${model}${trained}${bestMetric === undefined ? '' : `, best metric ${percent(bestMetric)}`}`,
    ...notes.map((note) => `note: ${note}`),
    '',
    folder,
    `  ${files.join(', ')}`,
    '',
    'Next',
    `  npm run evaluate -- --model-path ${folder} --data CLIPS`,
    ...(resumable ? [`  npm run train -- --resume ${folder} --data CLIPS --epochs ${(epoch ?? 0) + 10}`] : []),
  ];
  return `${lines.map(printableLine).join('\n')}\n`;
}

function treeText({ imported, failed, passedOver }: TreeImport): string {
  const header = ['checkpoint', 'model', 'epoch', 'best', 'classes', 'resume', 'folder'];
  const rows = imported.map(({ file, model, epoch, bestMetric, config, resumable, folder }) => [
    file,
    model,
    String(epoch ?? '–'),
    bestMetric === undefined ? '–' : percent(bestMetric),
    `${String(config['num_gloss'])}/${String(config['num_cat'])}`,
    resumable ? 'yes' : 'no',
    folder,
  ]);
  const notes = groupedNotes(imported);
  const lines = [
    ...(rows.length === 0 ? [] : [...columns([header, ...rows]), '']),
    ...notes.flatMap(([note, files]) => [
      `note: ${note}`,
      `  ${files.length === imported.length && files.length > 1 ? 'all of them' : files.join(', ')}`,
    ]),
    ...failed.map(({ reason }) => `not imported: ${reason}`),
    ...passedOver.map(({ reason }) => `passed over: ${reason}`),
    `${imported.length} imported, ${failed.length} not`,
  ];
  return `${lines.map(printableLine).join('\n')}\n`;
}

/** Each note once, with the files that it is about. */
function groupedNotes(imported: readonly ImportedModel[]): [string, string[]][] {
  const groups = new Map<string, string[]>();
  for (const { file, notes } of imported) for (const note of notes) groups.set(note, [...(groups.get(note) ?? []), file]);
  return [...groups];
}
