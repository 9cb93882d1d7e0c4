import { comparisonOptions } from '../../evaluation/options';
import { UserError } from '../../foundation/errors';
import { bytesText, printableLine, shortLabel } from '../../foundation/text';
import type { ModelDefinitions } from '../../models/model-table';
import { findModelOrRelease, placeOf, releaseBefore, type ReleasedBaseline, findModel } from '../../zoo/registered-models';
import { changelogEntries, completedChangelog, readChangelog } from '../../zoo/release/changelog';
import type { FigureChange, ModelDiff } from '../../zoo/release/diff';
import type { ClassChanges } from '../../zoo/release/release-changes';
import { readReleases } from '../../zoo/release/release-record';
import { verbCommand, type Command, plainCommand } from '../command';
import { comparisonFlags, showComparison } from '../compare';
import { optionalText, commonFlags, jsonFlag, type FlagTable } from '../flags';
import { registryFlags, rootOf, modelsOf, onlyName } from '../model-flags';
import { columns } from '../quantities';

const command = 'npm run models -- compare';

/** `models compare`. */
export const compareModelsCommand: Command = verbCommand(
  {
    command,
    takes: 'NAME …',
    summary:
      'Compares models of the registry, NAME or NAME@1.0.0, with a baseline: figures, gains and losses by gloss, calibration, and a verdict that says what chance explains.',
    options: comparisonOptions,
    flags: {
      baseline: {
        string: true,
        group: 'Comparison:',
        description: 'The model or release (NAME@1.0.0) that the others are set against.',
        defaultDescription: 'the last release of the first, or of the model that it follows',
      },
      ...comparisonFlags,
      ...registryFlags,
    },
    examples: [
      [`${command} transformer_baseline_09-20`, 'with its last release'],
      [
        `${command} transformer_cls_09-21 --baseline transformer_baseline_09-20@1.0.0 --fail-if-worse 0.01`,
        'for CI: exits with 2 where it is worse',
      ],
      [`${command} transformer_baseline_09-20@1.1.0 --data clips/ --markdown`, 'with the release before, both evaluated now'],
    ],
  },
  async (typed, terminal) => {
    const places = comparedPlaces(
      { root: rootOf(typed.flags), known: modelsOf(typed.flags) },
      typed.positionals,
      optionalText(typed.flags, 'baseline'),
    );
    const models = places.map(({ folder }) => folder);
    const titles = new Map(places.map(({ folder, title }) => [folder, title]));
    return await showComparison({ models, titles, judged: true }, typed, terminal);
  },
);

/** The baseline first. @throws UserError where there is nothing to compare, or nothing to compare with. */
function comparedPlaces(
  { root, known }: { readonly root: string; readonly known: ModelDefinitions },
  names: readonly string[],
  baseline: string | undefined,
): ReleasedBaseline[] {
  const [first, ...others] = names.map((name) => findModelOrRelease(root, name, known));
  if (first === undefined) throw new UserError(`${command}: name at least one model; npm run models -- list shows them`);
  const before = baseline === undefined ? releaseBefore(root, first) : placeOf(findModelOrRelease(root, baseline, known));
  if (before === undefined) {
    throw new UserError(
      `${placeOf(first).title}: there is no release to compare it with, neither its own nor one of a model that it follows; give --baseline NAME or NAME@VERSION`,
    );
  }
  const compared = [first, ...others].map(placeOf).filter(({ folder }) => folder !== before.folder);
  const places = [before, ...new Map(compared.map((place) => [place.folder, place])).values()];
  if (places.length < 2) throw new UserError(`${before.title}: it is the baseline itself; name another model`);
  return places;
}

const CHANGELOG = 'npm run models -- changelog';

const changelogFlags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models changelog`. */
export const changelogCommand: Command = plainCommand(
  {
    command: CHANGELOG,
    takes: 'NAME',
    summary: 'Prints what changed from release to release of a model, the newest first.',
    flags: changelogFlags,
    examples: [
      [`${CHANGELOG} transformer_baseline_09-20`, 'its CHANGELOG.md'],
      [`${CHANGELOG} transformer_baseline_09-20 --json`, 'with all that release.json says of each'],
    ],
  },
  (typed, { output }, positionals) => {
    const { name, folder } = findModel(rootOf(typed), onlyName(positionals, CHANGELOG), modelsOf(typed));
    const releases = readReleases(folder).map(({ record }) => record);
    const written = readChangelog(folder);
    const text = written === undefined && releases.length === 0 ? undefined : completedChangelog(written, name, releases);
    if (typed['json'] === true) {
      const entries = changelogEntries(text ?? '').map((entry) => ({
        ...entry,
        release: releases.find(({ version }) => version === entry.version) ?? null,
      }));
      output.write(`${JSON.stringify({ model: name, entries }, null, 2)}\n`);
      return 0;
    }
    const none = `${name} has no release yet; npm run models -- release ${name} --bump major --notes "…" makes the first\n`;
    output.write(text === undefined ? none : text.split('\n').map(printableLine).join('\n'));
    return 0;
  },
);

const DIFF = 'npm run models -- diff';

const diffFlags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models diff`. */
export const diffCommand: Command = plainCommand(
  {
    command: DIFF,
    takes: 'NAME [VERSION] [VERSION]',
    summary:
      'Tells how two releases of a model differ, or a release (the last, unless you say which) and what its folder holds now: architecture, settings, classes, data, figures, how far the weights moved, sizes.',
    flags: diffFlags,
    examples: [
      [`${DIFF} transformer_baseline_09-20 v1.0.0 v1.1.0`, 'two releases'],
      [`${DIFF} transformer_baseline_09-20`, 'what has changed since the last release'],
    ],
  },
  async (typed, { output }, [name, ...versions]) => {
    if (name === undefined || name === '') {
      throw new UserError(`${DIFF}: expected the name of a model, then up to two versions; npm run models -- list shows the models`);
    }
    const root = rootOf(typed);
    const { diffModel } = await import('../../zoo/release/diff.js'); // With TensorFlow: only when it is needed.
    const diff = diffModel(root, findModel(root, name, modelsOf(typed)), versions);
    output.write(typed['json'] === true ? `${JSON.stringify(diff, null, 2)}\n` : diffText(diff));
    return 0;
  },
);

/** Changes of classes that are listed one by one. */
const CLASSES_LISTED = 50;

/** A difference of two states of a model, for people. */
export function diffText(diff: ModelDiff): string {
  const { before, after, architecture, settings, classes, data, figures, same_clips: sameClips, weights, files } = diff;
  const changes = (rows: readonly { readonly key: string; readonly before: unknown; readonly after: unknown }[]): string[] =>
    columns(rows.map((change) => [change.key, valueText(change.before), '→', valueText(change.after)]));
  const clips = sameClips === false ? ' (NOT of the same clips: they differ for that alone)' : '';
  return `${[
    `From ${before.title} to ${after.title}`,
    `  ${before.checkpoint}`,
    `  ${after.checkpoint}`,
    ...section(
      'architecture',
      architecture.map((line) => `  ${printableLine(line)}`),
    ),
    ...section('glosses', classLines(classes.gloss)),
    ...section('categories', classLines(classes.category)),
    ...section('settings', changes(settings)),
    ...section('data', changes(data)),
    ...section(`figures${clips}`, columns(figures.map(figureRow))),
    ...section(
      'weights: length of the difference by the length before',
      columns(
        weights.map(({ part, relative_distance: moved, values }) => [part, movedText(moved), `${values.toLocaleString('en')} values`]),
      ),
    ),
    ...section('sizes', columns(files.map((file) => [file.path, sizeText(file.before), '→', sizeText(file.after)]))),
  ].join('\n')}\n`;
}

function section(title: string, lines: readonly string[]): string[] {
  return ['', title, ...(lines.length === 0 ? ['  the same'] : lines)];
}

function classLines({ added, removed, renamed, moved }: ClassChanges): string[] {
  const rows = [
    ...added.map((label) => ['added', shortLabel(label)]),
    ...removed.map((label) => ['removed', shortLabel(label)]),
    ...renamed.map(({ id, before, after }) => ['renamed', `${shortLabel(before)} → ${shortLabel(after)} (id ${id})`]),
    ...moved.map(({ label, before, after }) => ['another id', `${shortLabel(label)}: ${before} → ${after}`]),
  ];
  const more = rows.length > CLASSES_LISTED ? [`  and ${rows.length - CLASSES_LISTED} more changes; --json has all`] : [];
  return [...columns(rows.slice(0, CLASSES_LISTED).map((row) => row.map(printableLine))), ...more];
}

function figureRow({ name, before, after, difference }: FigureChange): string[] {
  const text = (figure: number | null): string => (figure === null ? 'not known' : figure.toFixed(4));
  const change = difference === null ? '' : `${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(4)}`;
  return [name, text(before), '→', text(after), difference === 0 ? 'the same' : change];
}

function movedText(moved: number | null): string {
  if (moved === null) return 'not comparable';
  return moved === 0 ? 'not moved' : moved.toPrecision(3);
}

function sizeText(bytes: number | null): string {
  return bytes === null ? '–' : bytesText(bytes);
}

function valueText(value: unknown): string {
  return printableLine(typeof value === 'string' ? value : JSON.stringify(value));
}
