import { printableLine, shortLabel } from '../../foundation/text';
import type { ClassChanges } from '../../zoo/release/architecture';
import type { FigureChange, ModelDiff } from '../../zoo/release/diff';
import { columns, bytesText } from '../quantities';

/** Changes of classes that are listed one by one. */
const CLASSES_LISTED = 50;

/** A difference of two states of a model, for people. */
export function diffText(diff: ModelDiff): string {
  const { before, after, architecture, settings, classes, data, figures, same_clips: sameClips, weights, files } = diff;
  const changes = (rows: readonly { readonly key: string; readonly before: unknown; readonly after: unknown }[]): string[] =>
    columns(rows.map((change) => [change.key, shown(change.before), '→', shown(change.after)]));
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

function shown(value: unknown): string {
  return printableLine(typeof value === 'string' ? value : JSON.stringify(value));
}
