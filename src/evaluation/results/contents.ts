import { z } from 'zod';
import { parseJson } from '../../foundation/json';
import { csvText } from '../../data/csv-table';
import { RESULT_FILES } from '../../folder/contents';
import { messageOf, UserError } from '../../foundation/errors';
import { readRegularText } from '../../foundation/regular-file';
import { elementAt } from '../../foundation/required';
import { counted, listed } from '../../foundation/text';
import { confusionAt, mostConfusedWith, outcomes } from '../confusion';
import {
  HEADS,
  occlusionGroups,
  type EvaluationResult,
  type HeadMetrics,
  type HeadPrediction,
  type HeadResult,
  tellingHeads,
  type HeadName,
} from '../result';

/** An evaluation as `evaluation.json` and `--json` have it. */
export function evaluationDocument(result: EvaluationResult): Record<string, unknown> {
  const { model, data, clips, cutClips, leftOut, clipsPerSecond } = result;
  return {
    model: model.file,
    architecture: model.architecture,
    epoch: model.epoch ?? null,
    assumptions: model.assumptions,
    data: {
      title: data.title,
      synthetic: data.synthetic,
      clips: clips.length,
      cut_clips: cutClips,
      left_out: leftOut,
      fingerprint: data.fingerprint,
    },
    clips_per_second: clipsPerSecond,
    warnings: [...(result.warnings ?? []), ...noticesOf(result)],
    ...Object.fromEntries(HEADS.map((head) => [head, result[head].metrics])),
    occlusion: occlusionGroups(result).map(({ occluded, clips: count, accuracy }) => ({
      occluded,
      clips: count,
      accuracy: accuracy ?? null,
    })),
  };
}

/** What of the clips was not evaluated as it lies there, a sentence each. */
export function noticesOf({ model, cutClips, leftOut }: EvaluationResult): string[] {
  const files = [...new Set(leftOut.map(({ file }) => file))];
  return [
    ...(cutClips === 0
      ? []
      : [`${counted(cutClips, 'clip was', 'clips were')} longer than ${model.maxFrames} frames and cut to the first ${model.maxFrames}.`]),
    ...(files.length === 0 ? [] : [`${counted(files.length, 'clip was', 'clips were')} left out as unusable: ${listed(files, 5)}.`]),
    ...model.assumptions.map((assumption) => `The checkpoint does not say it: ${assumption} was taken.`),
  ];
}

const READ_FIGURES = ['accuracy', 'top_5_accuracy', 'f1_weighted', 'f1_macro', 'accuracy_ci95_low', 'accuracy_ci95_high'] as const;
/** The figures of a head that programs go on with. */
export type ReadFigures = Pick<HeadMetrics, (typeof READ_FIGURES)[number]> & {
  readonly expected_calibration_error?: number | undefined;
};

type RequiredFigure = (typeof READ_FIGURES)[number];
/** Those figures in a file. */
export const figuresSchema = z
  .object(Object.fromEntries(READ_FIGURES.map((name) => [name, z.number()])) as Record<RequiredFigure, z.ZodNumber>)
  .extend({ expected_calibration_error: z.number().optional() });

/** Those figures alone. */
export function pickFigures(figures: ReadFigures): ReadFigures {
  const required = Object.fromEntries(READ_FIGURES.map((name) => [name, figures[name]])) as Record<RequiredFigure, number>;
  const { expected_calibration_error: calibration } = figures;
  return calibration === undefined ? required : { ...required, expected_calibration_error: calibration };
}

const LARGEST_DOCUMENT = 64_000_000;

const documentSchema = z.object({
  model: z.string(),
  architecture: z.string(),
  epoch: z.number().nullable().optional(),
  created: z.string().optional(),
  data: z.object({
    title: z.string(),
    clips: z.number().optional(),
    cut_clips: z.number().optional(),
    fingerprint: z.string(),
    synthetic: z.boolean(),
  }),
  gloss: figuresSchema,
  category: figuresSchema,
});

/** What {@link readEvaluation} gives of an evaluation. */
export type ReadEvaluation = z.infer<typeof documentSchema>;

/**
 * Reads an `evaluation.json`.
 * @throws UserError where it cannot be read, or is no such document.
 */
export function readEvaluation(file: string): ReadEvaluation {
  let parsed: unknown;
  try {
    parsed = parseJson(readRegularText(file, LARGEST_DOCUMENT));
  } catch (error) {
    throw new UserError(`${file}: it cannot be read (${messageOf(error).replace(`${file}: `, '')}); evaluate the model again`, {
      cause: error,
    });
  }
  const checked = documentSchema.safeParse(parsed);
  if (checked.success) return checked.data;
  const { path: key, message } = elementAt(checked.error.issues, 0);
  throw new UserError(`${file}: ${key.length === 0 ? 'it is no evaluation' : key.join('.')}: ${message}; evaluate the model again`);
}

/** A figure of both heads; undefined where a head has none. */
interface SummaryRow {
  /** As scikit-learn calls it. */
  readonly metric: string;
  readonly gloss: number | undefined;
  readonly category: number | undefined;
}

/** The figures of an evaluation, in the order of `summary_metrics.csv`. */
export function summaryRows(result: EvaluationResult): SummaryRow[] {
  const { gloss, category, clips, cutClips, leftOut, clipsPerSecond } = result;
  const ofBoth = (metric: string, value: number): SummaryRow => ({ metric, gloss: value, category: value });
  const metrics = (Object.keys(gloss.metrics) as (keyof HeadResult['metrics'])[]).map((metric) => ({
    metric,
    gloss: gloss.metrics[metric],
    category: category.metrics[metric],
  }));
  const occlusion = occlusionGroups(result).flatMap(({ occluded, clips: count, accuracy }) => {
    const name = occluded ? 'occluded' : 'not_occluded';
    const row = { metric: `accuracy_${name}`, gloss: accuracy?.gloss, category: accuracy?.category };
    return [...(accuracy === undefined ? [] : [row]), ofBoth(`clips_${name}`, count)];
  });
  return [
    ...metrics,
    ofBoth('clips', clips.length),
    ofBoth('clips_cut', cutClips),
    ofBoth('clips_left_out', new Set(leftOut.map(({ file }) => file)).size),
    ofBoth('clips_per_second', clipsPerSecond),
    ...occlusion,
  ];
}

/** `summary_metrics.csv`. */
export function summaryTable(result: EvaluationResult): string {
  const heads = tellingHeads(result);
  return csvText([['metric', ...heads], ...summaryRows(result).map((row) => [row.metric, ...heads.map((head) => row[head])])]);
}

/** `per_class_metrics.csv` of a head. */
export function perClassTable({ labels, perClass, confusion }: HeadResult): string {
  const rows = perClass.map(({ precision, recall, f1, support }, id) => {
    const confused = mostConfusedWith(confusion, id);
    return [id, labels[id], precision, recall, f1, support, confused === undefined ? '' : labels[confused.id]];
  });
  return csvText([['class_id', 'label', 'precision', 'recall', 'f1', 'support', 'most_confused_with'], ...rows]);
}

/** With more classes `confusion_matrix.csv` would be megabytes of zeros. */
const MOST_COLUMNS = 500;

/**
 * `confusion_matrix.csv` of a head: a line for each true class, a column for each predicted one, in the order of their ids. Undefined where there are too many
 * classes: then there is a {@link confusionPairsTable}.
 */
export function confusionTable({ labels, confusion }: HeadResult): string | undefined {
  if (labels.length > MOST_COLUMNS) return undefined;
  const ids = [...labels.keys()];
  return csvText([
    ['true_label', ...labels],
    ...ids.map((truth) => [labels[truth], ...ids.map((prediction) => confusionAt(confusion, truth, prediction))]),
  ]);
}

/**
 * `confusion_pairs.csv` of a head: a line for each true class and each class that clips of it were taken for, in the order of their ids. Undefined where a
 * {@link confusionTable} holds them all.
 */
export function confusionPairsTable({ labels, confusion }: HeadResult): string | undefined {
  if (labels.length <= MOST_COLUMNS) return undefined;
  const rows = outcomes(confusion).map(({ truth, prediction, count }) => [truth, labels[truth], prediction, labels[prediction], count]);
  return csvText([['true_id', 'true_label', 'predicted_id', 'predicted_label', 'clips'], ...rows]);
}

/** Files of which an evaluation has one or the other, by the number of its classes. */
export function confusionFiles({ gloss, category }: EvaluationResult): [ofGlosses: string, ofCategories: string] {
  return [
    gloss.labels.length > MOST_COLUMNS ? RESULT_FILES.confusionPairs : RESULT_FILES.confusionTable,
    category.labels.length > MOST_COLUMNS ? RESULT_FILES.categoryConfusionPairs : RESULT_FILES.categoryConfusionTable,
  ];
}

/** The columns of `predictions.csv` that a head has. */
const PREDICTION_COLUMNS: Readonly<Record<HeadName, readonly string[]>> = {
  gloss: ['true_gloss', 'true_gloss_label', 'pred_gloss', 'pred_gloss_label', 'confidence', 'rank_of_truth', 'correct'],
  category: [
    'true_category',
    'true_category_label',
    'pred_category',
    'pred_category_label',
    'category_confidence',
    'category_rank_of_truth',
    'category_correct',
  ],
};

/** `predictions.csv`: a line a clip, in the order of the labels. */
export function predictionsTable(result: EvaluationResult): string {
  const { clips, gloss } = result;
  const heads = tellingHeads(result);
  const rows = clips.map(({ name, occluded }, clip) => [
    name,
    ...heads.flatMap((head) => predictionCells(result[head], result[head].predictions[clip])),
    elementAt(gloss.predictions, clip)
      .likeliest.map(({ id, probability }) => `${elementAt(gloss.labels, id)} (${id}) ${probability.toFixed(4)}`)
      .join('; '),
    occluded === undefined ? '' : Number(occluded),
  ]);
  return csvText([['file', ...heads.flatMap((head) => PREDICTION_COLUMNS[head]), 'top5', 'occluded'], ...rows]);
}

function predictionCells({ labels }: HeadResult, prediction: HeadPrediction | undefined): (string | number | undefined)[] {
  if (prediction === undefined) return Array<undefined>(7).fill(undefined);
  const { truth, predicted, confidence, rankOfTruth, correct } = prediction;
  // Beyond the sixth digit a float32 model says nothing, and other batches give other digits.
  return [truth, labels[truth], predicted, labels[predicted], Number(confidence.toFixed(6)), rankOfTruth, Number(correct)];
}
