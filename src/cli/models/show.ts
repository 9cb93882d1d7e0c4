import { classesText, hasCategories } from '../../folder/config-file';
import { filesBelow } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { bytesText, printableLine, percent } from '../../foundation/text';
import { archivedModel, type ArchivedRecord } from '../../zoo/archive/archived-models';
import { findModel, evaluationIn, summariseModel } from '../../zoo/registered-models';
import { releaseState, type ReleaseState } from '../../zoo/release/complete-releases';
import { plainCommand, type Command } from '../command';
import { commonFlags, jsonFlag, type FlagTable } from '../flags';
import { onlyName, registryFlags, rootOf, modelsOf } from '../model-flags';
import { columns } from '../quantities';

const SHOW = 'npm run models -- show';

const showFlags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models show`. */
export const showCommand: Command = plainCommand(
  {
    command: SHOW,
    takes: 'NAME',
    summary: 'Tells what is known of one model: its figures, what it was made of, its recipe and its files.',
    flags: showFlags,
    examples: [[`${SHOW} transformer_baseline_09-20`, 'by the name of its folder']],
  },
  (typed, { output }, positionals) => {
    const root = rootOf(typed);
    const name = onlyName(positionals, SHOW);
    const archived = archivedModel(root, name);
    if (archived !== undefined) {
      output.write(typed['json'] === true ? `${JSON.stringify(archived, null, 2)}\n` : archivedText(archived));
      return 0;
    }
    const model = findModel(root, name, modelsOf(typed));
    const summary = summariseModel(model);
    const record = new ModelFolder(model.folder).readConfig();
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
      // Of five classes or fewer the truth is always among the five likeliest.
      const among = run.classes[name] > 5 ? `, top-5 ${percent(figures.top_5_accuracy)}` : '';
      return `${percent(figures.accuracy)} (95 % interval ${interval})${among}, weighted F1 ${figures.f1_weighted.toFixed(4)}`;
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
        ['classes', classesText(run.classes)],
        ['data', run.data === undefined ? 'not known' : dataText(run.data)],
        ['gloss', head('gloss')],
        ...(hasCategories(run.classes) ? [['category', head('category')]] : []),
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
      ...(summary.cat_acc === null ? [] : [['category', share(summary.cat_acc)]]),
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

/** Where a model stands in its releases, as rows for people. */
export function releaseStateRows({ releases, production, changed_since_release: changed, unfinished, problems }: ReleaseState): string[][] {
  const [latest] = releases.toReversed();
  const row = (version: string, created: string, gloss: number): string =>
    `v${version} of ${created.slice(0, 10)} (gloss ${percent(gloss)})`;
  return [
    ...releases
      .toReversed()
      .map(({ version, created, gloss_acc: gloss }, index) => [index === 0 ? 'releases' : '', row(version, created, gloss)]),
    ...(latest === undefined || changed === null
      ? []
      : [
          [
            'since then',
            changed ? `the weights have changed since v${latest.version}; diff tells how` : `the weights are those of v${latest.version}`,
          ],
        ]),
    ...(production === null ? [] : [['production', productionText(production)]]),
    ...unfinished.map((what) => ['unfinished', `${what}: a command was stopped; promote, release or check --fix completes it`]),
    ...problems.map((problem) => ['problem', printableLine(problem)]),
  ];
}

function productionText({ file, dtype, bytes, sha256, created, version }: NonNullable<ReleaseState['production']>): string {
  const of = version === null ? 'not released' : `v${version}`;
  return `${file}, ${dtype}, ${bytesText(bytes)}, sha256 ${sha256.slice(0, 16)}…, made ${printableLine(created.slice(0, 10))}, ${of}`;
}

const CARD = 'npm run models -- card';

const cardFlags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models card`. */
export const cardCommand: Command = plainCommand(
  {
    command: CARD,
    takes: 'NAME',
    summary:
      'Writes a model’s README.md: figures, data, recipe, limits, how to load it. What you wrote between its “by hand” lines stays, wherever they stand.',
    flags: cardFlags,
    examples: [[`${CARD} transformer_baseline_09-20`, 'by the name of its folder']],
  },
  async (typed, { output, errors }, positionals) => {
    const model = findModel(rootOf(typed), onlyName(positionals, CARD), modelsOf(typed));
    const { writeCard } = await import('../../zoo/card/card.js'); // With TensorFlow: only when it is needed.
    const { file, changed, tookOver } = await writeCard(model);
    if (tookOver) errors.write(`note: ${file} was written by hand: all of it is kept under “Notes by hand”\n`);
    output.write(
      typed['json'] === true
        ? `${JSON.stringify({ model: model.name, file, changed }, null, 2)}\n`
        : `${changed ? 'written' : 'nothing to change'}: ${file}\n`,
    );
    return 0;
  },
);
