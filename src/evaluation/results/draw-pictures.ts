import path from 'node:path';
import { drawnOrTold, type Theme } from '../pictures/drawing';
import { confusionPicture } from '../pictures/confusion-picture';
import { curvesPicture, reliabilityPicture } from '../pictures/charts';
import { modelTitle, type EvaluationResult } from '../result';
import type { CurvePoint } from '../training-curves';
import { RESULT_FILES } from '../../folder/contents';
import { percent } from '../../foundation/text';

/** The pictures of an evaluation, as PNG; undefined where one cannot be drawn. */
export interface ResultPictures {
  readonly confusion: Buffer | undefined;
  readonly categoryConfusion: Buffer | undefined;
  readonly reliability: Buffer | undefined;
  /** Undefined as well where no log lies beside the checkpoint. */
  readonly curves: Buffer | undefined;
}

/**
 * Draws the pictures of an evaluation.
 * @param onWarning is told of each that cannot be drawn.
 */
export function drawPictures(
  result: EvaluationResult,
  curves: readonly CurvePoint[],
  theme: Theme,
  onWarning: (warning: string) => void,
): ResultPictures {
  const { gloss, category, data } = result;
  const of = `${modelTitle(result)} on ${path.basename(data.title)}${data.synthetic ? ' (synthetic)' : ''}`;
  const drawn = (name: string, draw: () => Buffer): Buffer | undefined => drawnOrTold(name, draw, onWarning);
  return {
    confusion: drawn(RESULT_FILES.confusionPicture, () =>
      confusionPicture(
        {
          title: `Glosses: ${percent(gloss.metrics.accuracy)} right, ${of}`,
          matrix: gloss.confusion,
          labels: gloss.labels,
          groups: result.categoryOfGloss.map((id) => (id === undefined ? undefined : category.labels[id])),
        },
        theme,
      ),
    ),
    categoryConfusion: drawn(RESULT_FILES.categoryConfusionPicture, () =>
      confusionPicture(
        { title: `Categories: ${percent(category.metrics.accuracy)} right, ${of}`, matrix: category.confusion, labels: category.labels },
        theme,
      ),
    ),
    reliability: drawn(RESULT_FILES.reliability, () => reliabilityPicture(`Reliability of ${of}`, gloss, category, theme)),
    curves:
      curves.length === 0 ? undefined : drawn(RESULT_FILES.curves, () => curvesPicture(`Training of ${modelTitle(result)}`, curves, theme)),
  };
}
