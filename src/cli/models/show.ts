import { printableLine, percent } from '../../foundation/text';
import { archivedModel, type ArchivedRecord } from '../../zoo/archive/archived-models';
import { filesBelow } from '../../folder/contents';
import { readRecord } from '../../folder/config-file';
import { findModel } from '../../zoo/find-model';
import { releaseState } from '../../zoo/release/complete-releases';
import { evaluationIn, summariseModel } from '../../zoo/list-models';
import { columns, bytesText } from '../quantities';
import { commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { onlyName, registryFlags, rootOf } from './registry-flags';
import { releaseStateRows } from './release-state-text';

const command = 'npm run models -- show';

const flags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models show`. */
export const showCommand: Command = plainCommand(
  {
    command,
    takes: 'NAME',
    summary: 'Tells what is known of one model: its figures, what it was made of, its recipe and its files.',
    flags,
    examples: [[`${command} transformer_baseline_09-20`, 'by the name of its folder']],
  },
  (typed, { output }, positionals) => {
    const root = rootOf(typed);
    const name = onlyName(positionals, command);
    const archived = archivedModel(root, name);
    if (archived !== undefined) {
      output.write(typed['json'] === true ? `${JSON.stringify(archived, null, 2)}\n` : archivedText(archived));
      return 0;
    }
    const model = findModel(root, name);
    const summary = summariseModel(model);
    const record = readRecord(model.folder);
    const evaluation = evaluationIn(model.folder) ?? null;
    const files = filesBelow(model.folder);
    const state = releaseState(model);
    if (typed['json'] === true) {
      output.write(`${JSON.stringify({ ...summary, evaluation, ...state, config: record, files }, null, 2)}\n`);
      return 0;
    }
    const { run, ...settings } = record;
    const head = (name: 'gloss' | 'category'): string => {
      const figures = evaluation?.[name];
      if (figures === undefined) return 'not evaluated';
      const interval = `${percent(figures.accuracy_ci95_low)} to ${percent(figures.accuracy_ci95_high)}`;
      return `${percent(figures.accuracy)} (95 % interval ${interval}), top-5 ${percent(figures.top_5_accuracy)}, weighted F1 ${figures.f1_weighted.toFixed(4)}`;
    };
    const given = Object.entries(settings).filter(([, value]) => value !== null && value !== undefined);
    const lines = [
      ...columns([
        ['name', summary.name],
        ['folder', summary.folder],
        ['stage', `${summary.stage}${summary.version === null ? ', not released' : `, version ${summary.version}`}`],
        ...(run.follows === undefined ? [] : [['follows', run.follows]]),
        [
          'made',
          `${run.created}${run.imported_from === undefined ? '' : `, imported from ${run.imported_from}`}, with Kumpas ${run.versions.kumpas}`,
        ],
        ['model', shapeText(run.model)],
        ['classes', `${run.classes.gloss} glosses in ${run.classes.category} categories`],
        ['data', run.data === undefined ? 'not known' : dataText(run.data)],
        ['gloss', head('gloss')],
        ['category', head('category')],
        ...releaseStateRows(state),
      ]),
      '',
      'settings',
      ...columns(given.map(([key, value]) => [key, shown(value)])),
      '',
      'files',
      ...columns(files.map(({ path, bytes }) => [path, bytesText(bytes)])),
    ];
    output.write(`${lines.join('\n')}\n`);
    return 0;
  },
);

/** What is known of a model that is compressed, in so far as its folder is gone. */
function archivedText({ summary, archive, archived, bytes, files, name }: ArchivedRecord): string {
  const share = (value: number | null): string => (value === null ? 'not evaluated' : percent(value));
  const lines = [
    ...columns([
      ['name', name],
      ['archive', `${archive}, ${bytesText(bytes)}, of ${archived.slice(0, 10)}`],
      ['stage', `archived, before ${summary.stage}${summary.version === null ? ', not released' : `, version ${summary.version}`}`],
      ['made', summary.created],
      ['gloss', share(summary.gloss_acc)],
      ['category', share(summary.cat_acc)],
    ]),
    '',
    'files',
    ...columns(files.map((file) => [printableLine(file.path), bytesText(file.bytes)])),
    '',
    'Back again',
    `  npm run models -- restore ${name}`,
  ];
  return `${lines.join('\n')}\n`;
}

function shapeText(model: Readonly<Record<string, unknown>>): string {
  return Object.entries(model)
    .map(([key, value]) => `${key} ${shown(value)}`)
    .join(', ');
}

/** A value from a file, as one line. */
function shown(value: unknown): string {
  return printableLine(typeof value === 'string' ? value : JSON.stringify(value));
}

function dataText(data: {
  readonly title: string;
  readonly synthetic: boolean;
  readonly train_clips: number;
  readonly validation_clips: number;
  readonly fingerprint: string;
}): string {
  const { title, synthetic, train_clips: train, validation_clips: validation, fingerprint } = data;
  return `${title}${synthetic ? ' (made by a generator)' : ''}: ${train} training and ${validation} validation clips, fingerprint ${fingerprint.slice(0, 16)}`;
}
