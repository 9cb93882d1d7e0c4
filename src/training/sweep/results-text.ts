import { csvText } from '../../data/csv-table';
import { required } from '../../foundation/required';
import { counted, percent, plainMarkdown, signedPoints } from '../../foundation/text';
import { halvingLine } from './halving';
import { valueText } from './points';
import { POINT_FIGURES, WINNING_RULE, type PointResult, type SweepResult } from './results';
import type { Spread } from './statistics';

/** The table of a sweep: a heading, then a row a point. */
export function sweepTable(result: SweepResult): readonly (readonly string[])[] {
  const { points, plan, winner } = result;
  const withBase = plan.kind === 'ablation';
  const several = points.some(({ trials }) => trials.length > 1);
  const heading = [
    withBase ? 'change' : 'point',
    several ? 'gloss accuracy, mean ± deviation' : 'gloss accuracy',
    ...(several ? ['95 % interval'] : []),
    ...(withBase ? ['to the base'] : []),
    'category',
    'calibration error',
    'best epoch',
    'time',
    'trials',
  ];
  const base = points[0]?.spreads?.glossAccuracy.mean;
  const rows = points.map((point) => {
    const name = point === winner ? `${point.name} ★` : point.name;
    const trials = trialsText(point);
    const { spreads } = point;
    if (spreads === undefined) return [name, ...Array<string>(heading.length - 2).fill('–'), trials];
    const { glossAccuracy, categoryAccuracy, calibrationError, bestEpoch, seconds } = spreads;
    const difference = base === undefined ? '–' : point === points[0] ? '' : signedPoints(glossAccuracy.mean - base);
    return [
      name,
      several ? withDeviation(glossAccuracy) : percent(glossAccuracy.mean),
      ...(several ? [intervalText(glossAccuracy)] : []),
      ...(withBase ? [difference] : []),
      several ? withDeviation(categoryAccuracy) : percent(categoryAccuracy.mean),
      calibrationError.mean.toFixed(3),
      bestEpoch.mean.toFixed(several ? 1 : 0),
      `${seconds.mean.toFixed(1)} s`,
      trials,
    ];
  });
  return [heading, ...rows];
}

/** How many of a point's trials are done; of one that was stopped after how many epochs, and how good it was. */
function trialsText({ trials }: PointResult): string {
  const done = `${trials.filter(({ state }) => state === 'done').length} of ${trials.length}`;
  const stops = trials.flatMap(({ stopped }) => stopped ?? []);
  if (stops.length === 0) return done;
  const epochs = Math.max(...stops.map((stop) => stop.epochs));
  const mean = stops.reduce((sum, { glossAccuracy }) => sum + glossAccuracy, 0) / stops.length;
  return `stopped after ${counted(epochs, 'epoch')} at ${percent(mean)}`;
}

/** What is said below the table: which point won, by which rule, and what is not done. */
export function sweepConclusions({ plan, points, winner }: SweepResult): string[] {
  const trials = points.flatMap((point) => point.trials);
  const left = trials.filter(({ state }) => state === 'left').length;
  return [
    winner === undefined ? 'No winner: no point has all of its trials done.' : `Winner: ${winner.name}.`,
    `The rule: ${WINNING_RULE}.`,
    ...(plan.halving === undefined ? [] : [halvingLine(plan)]),
    ...trials.flatMap(({ trial, failure }) => (failure === undefined ? [] : [`Failed: ${trial.id}: ${failure.split('\n').join('; ')}`])),
    ...(left === 0 ? [] : [`${counted(left, 'trial is', 'trials are')} not done yet.`]),
  ];
}

/** `results.md`. */
export function sweepPage(title: string, result: SweepResult): string {
  const [heading, ...rows] = sweepTable(result);
  const row = (cells: readonly string[]): string => `| ${cells.map(plainMarkdown).join(' | ')} |`;
  const columns = required(heading, 'the heading of the table');
  return [
    `# ${plainMarkdown(title)}`,
    '',
    row(columns),
    `|${columns.map((_, column) => (column === 0 ? ' --- ' : ' ---: ')).join('|')}|`,
    ...rows.map(row),
    '',
    ...sweepConclusions(result).flatMap((line) => [plainMarkdown(line), '']),
    'Figures are of the checkpoint of each trial’s best epoch, on the validation clips; the deviation is the sample’s over its trials (seeds and folds), the interval Student’s t.',
    '',
  ].join('\n');
}

/** `results.csv`: a line a trial. */
export function trialsTable({ points }: SweepResult): string {
  const keys = [...new Set(points.flatMap(({ values }) => Object.keys(values)))];
  const rows = points.flatMap(({ name, values, trials }) =>
    trials.map(({ trial, state, folder, figures, stopped }) => [
      trial.id,
      name,
      ...keys.map((key) => (values[key] === undefined ? '' : valueText(values[key]))),
      trial.seed,
      trial.fold,
      state,
      ...[...POINT_FIGURES, 'epochs' as const, 'parameters' as const].map(
        (figure) => figures?.[figure] ?? (figure === 'glossAccuracy' || figure === 'epochs' ? stopped?.[figure] : undefined),
      ),
      folder,
    ]),
  );
  const figures = ['gloss_accuracy', 'category_accuracy', 'calibration_error', 'best_epoch', 'seconds', 'epochs', 'parameters'];
  return csvText([['trial', 'point', ...keys, 'seed', 'fold', 'state', ...figures, 'folder'], ...rows]);
}

/** `results.json`, and what `--json` prints. */
export function sweepDocument({ plan, points, winner }: SweepResult): Record<string, unknown> {
  return {
    kind: plan.kind,
    rule: WINNING_RULE,
    ...(plan.halving === undefined ? {} : { halving: plan.halving }),
    winner: winner?.name ?? null,
    points: points.map(pointDocument),
  };
}

function pointDocument({ name, values, trials, spreads, complete, parameters }: PointResult): Record<string, unknown> {
  const spread = ({ count, mean, deviation, interval }: Spread): Record<string, unknown> => ({
    count,
    mean,
    deviation: deviation ?? null,
    interval95: interval === undefined ? null : [interval.low, interval.high],
  });
  const figures = spreads && {
    gloss_accuracy: spread(spreads.glossAccuracy),
    category_accuracy: spread(spreads.categoryAccuracy),
    calibration_error: spread(spreads.calibrationError),
    best_epoch: spread(spreads.bestEpoch),
    seconds: spread(spreads.seconds),
  };
  return {
    name,
    values,
    complete,
    parameters: parameters ?? null,
    figures: figures ?? null,
    trials: trials.map(({ trial, state, folder, figures: own, failure, stopped }) => ({
      trial: trial.id,
      seed: trial.seed,
      ...(trial.fold === undefined ? {} : { fold: trial.fold }),
      state,
      folder: folder ?? null,
      failure: failure ?? null,
      ...(stopped === undefined ? {} : { stopped: { epochs: stopped.epochs, gloss_accuracy: stopped.glossAccuracy } }),
      figures:
        own === undefined
          ? null
          : {
              gloss_accuracy: own.glossAccuracy,
              category_accuracy: own.categoryAccuracy,
              calibration_error: own.calibrationError,
              best_epoch: own.bestEpoch,
              epochs: own.epochs,
              seconds: own.seconds,
            },
    })),
  };
}

function withDeviation({ mean, deviation }: Spread): string {
  return deviation === undefined ? percent(mean) : `${percent(mean)} ± ${(100 * deviation).toFixed(1)}`;
}

function intervalText({ interval }: Spread): string {
  return interval === undefined ? '–' : `${percent(interval.low)} to ${percent(interval.high)}`;
}
