import path from 'node:path';
import { confusionPicture } from '../pictures/confusion-picture';
import { curvesPicture } from '../pictures/curves-picture';
import { reliabilityPicture } from '../pictures/reliability-picture';
import type { Theme } from '../pictures/theme';
import { modelTitle, type EvaluationResult } from '../result';
import type { CurvePoint } from '../training-curves';

/** The pictures of an evaluation, as PNG. */
export interface ResultPictures {
  readonly confusion: Buffer;
  readonly categoryConfusion: Buffer;
  readonly reliability: Buffer;
  /** Undefined where no log lies beside the checkpoint. */
  readonly curves: Buffer | undefined;
}

/** Draws the pictures of an evaluation. */
export function drawPictures(result: EvaluationResult, curves: readonly CurvePoint[], theme: Theme): ResultPictures {
  const { gloss, category, data } = result;
  const of = `${modelTitle(result)} on ${path.basename(data.title)}${data.synthetic ? ' (synthetic)' : ''}`;
  const share = (accuracy: number): string => `${(100 * accuracy).toFixed(1)} %`;
  return {
    confusion: confusionPicture(
      {
        title: `Glosses: ${share(gloss.metrics.accuracy)} right, ${of}`,
        matrix: gloss.confusion,
        labels: gloss.labels,
        groups: result.categoryOfGloss.map((id) => (id === undefined ? undefined : category.labels[id])),
      },
      theme,
    ),
    categoryConfusion: confusionPicture(
      { title: `Categories: ${share(category.metrics.accuracy)} right, ${of}`, matrix: category.confusion, labels: category.labels },
      theme,
    ),
    reliability: reliabilityPicture(`Reliability of ${of}`, gloss, category, theme),
    curves: curves.length === 0 ? undefined : curvesPicture(`Training of ${modelTitle(result)}`, curves, theme),
  };
}
