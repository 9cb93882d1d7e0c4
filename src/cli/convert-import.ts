import { existsSync, statSync } from 'node:fs';
import { fileNamePart } from '../config/setting';
import { ownModels } from '../models/model-table';
import { importCheckpoint } from '../conversion/import-checkpoint';
import type { ImportedModel, ImportOptions } from '../conversion/read-import';
import { importTree, type TreeImport } from '../conversion/import-tree';
import { UserError } from '../foundation/errors';
import { printableLine } from '../foundation/text';
import { columns, percentText } from './quantities';
import { type Terminal, CLEAR_LINE, draw } from './terminal';
import { watchForInterruption } from './exit';
import { version } from '../foundation/version';
import { onlyPositional, optionalText, readingOf, shapeOf } from './flags';

/**
 * Makes model folders of a checkpoint or of all in a folder.
 * @returns 1 where one of a folder could not be imported, else 0.
 */
export async function runImportCommand(
  typed: Readonly<Record<string, unknown>>,
  terminal: Terminal,
  positionals: readonly string[],
): Promise<number> {
  const named = onlyPositional(positionals, 'a checkpoint (.pt or .safetensors), or a folder of checkpoints');
  const options: ImportOptions = {
    model: modelOf(typed),
    shape: shapeOf(typed),
    reading: readingOf(typed),
    labels: optionalText(typed, 'labels'),
    description: descriptionOf(typed),
    saveDir: optionalText(typed, 'save-dir'),
    date: new Date(),
    versions: { kumpas: version, node: process.versions.node },
  };
  const log = optionalText(typed, 'log');
  const json = typed['json'] === true;
  // So that Ctrl-C leaves no half of a folder.
  const interruption = watchForInterruption(terminal.errors, 'the checkpoint that was begun with is imported');
  try {
    const failures = isFolder(named)
      ? await importFolder(named, { options, log, json, terminal, signal: interruption.signal })
      : await importFile(named, { options, log, json, terminal });
    return interruption.exitCode() ?? (failures === 0 ? 0 : 1);
  } finally {
    interruption.end();
  }
}

interface ImportRun {
  readonly options: ImportOptions;
  readonly log: string | undefined;
  readonly json: boolean;
  readonly terminal: Terminal;
}

/** Returns how many could not be imported. */
async function importFolder(
  folder: string,
  { options, log, json, terminal, signal }: ImportRun & { readonly signal: AbortSignal },
): Promise<number> {
  if (log !== undefined)
    throw new UserError(`--log belongs to one checkpoint; ${folder} is a folder, in which each log is found beside its checkpoint`);
  const result = await importTree(folder, options, { onImport: showProgress(terminal), signal });
  terminal.output.write(json ? `${JSON.stringify(result, null, 2)}\n` : treeText(result));
  return result.failed.length;
}

async function importFile(file: string, { options, log, json, terminal }: ImportRun): Promise<number> {
  const imported = await importCheckpoint({ best: file, log }, options);
  terminal.output.write(json ? `${JSON.stringify(imported, null, 2)}\n` : importText(imported));
  return 0;
}

function isFolder(named: string): boolean {
  return existsSync(named) && statSync(named).isDirectory();
}

function modelOf(typed: Readonly<Record<string, unknown>>): string | undefined {
  const model = optionalText(typed, 'model') ?? 'auto';
  if (model === 'auto') return undefined;
  if (ownModels.find(model) !== undefined) return model;
  throw new UserError(`--model: expected auto, ${ownModels.names.join(', ')}, found "${model}"`);
}

function descriptionOf(typed: Readonly<Record<string, unknown>>): string {
  const description = optionalText(typed, 'description') ?? 'legacy';
  const { schema, expected } = fileNamePart();
  if (schema.safeParse(description).success) return description;
  throw new UserError(`--description: expected ${expected}, found "${description}"`);
}

function importText({ file, folder, files, model, epoch, bestMetric, resumable, notes }: ImportedModel): string {
  const trained = epoch === undefined ? '' : `, after epoch ${epoch}`;
  const lines = [
    `${file}: ${model}${trained}${bestMetric === undefined ? '' : `, best metric ${percentText(bestMetric)}`}`,
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

function treeText({ imported, failed }: TreeImport): string {
  const header = ['checkpoint', 'model', 'epoch', 'best', 'classes', 'resume', 'folder'];
  const rows = imported.map(({ file, model, epoch, bestMetric, config, resumable, folder }) => [
    file,
    model,
    String(epoch ?? '–'),
    bestMetric === undefined ? '–' : percentText(bestMetric),
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

function showProgress({ errors }: Terminal): (done: number, total: number, file: string) => void {
  if (errors.isTTY !== true) return () => undefined;
  return (done, total, file) => {
    draw(errors, `${CLEAR_LINE}${done + 1}/${total} ${printableLine(file)}${done + 1 === total ? CLEAR_LINE : ''}`);
  };
}
