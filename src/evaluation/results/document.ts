import { z } from 'zod';
import { HEADS, occlusionGroups, type EvaluationResult, type HeadMetrics } from '../result';
import { parseJson } from '../../config/json-text';
import { messageOf, UserError } from '../../foundation/errors';
import { readRegularText } from '../../foundation/regular-file';

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
    ...Object.fromEntries(HEADS.map((head) => [head, result[head].metrics])),
    occlusion: occlusionGroups(result).map(({ occluded, clips: count, accuracy }) => ({
      occluded,
      clips: count,
      accuracy: accuracy ?? null,
    })),
  };
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

/** What {@link readEvaluation} tells of an evaluation. */
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
  const [issue] = checked.error.issues;
  throw new UserError(`${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is no evaluation'}; evaluate the model again`);
}
