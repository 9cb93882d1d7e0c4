import { existsSync, statSync } from 'node:fs';
import type { ImportedModel } from '../conversion/read-import';
import type { TreeImport } from '../conversion/import-tree';
import type { importSettings } from '../conversion/options';
import { printableLine, percent } from '../foundation/text';
import type { Typed } from './command';
import { watchForInterruption } from './exit';
import { onlyPositional } from './flags';
import { hooksOf } from './progress';
import { columns } from './quantities';
import type { Terminal } from './terminal';
import { modelsGiven } from './own-models';

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
