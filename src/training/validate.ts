import { clipsNotFinite, collectOutputs, scoreSplit, type SplitScores } from '../evaluation/split-outputs';
import { notFiniteError } from './not-finite';
import type { TrainingRun } from './run';
import { stepInputs } from './step-definition';

export interface Validation {
  /** Mean over the validation clips, of the loss that is trained on. */
  readonly loss: number;
  readonly scores: SplitScores;
}

/**
 * Scores the model as it is now on the validation clips.
 * @throws UserError where what it gives is not finite: no score of that would mean anything.
 */
export async function validate(run: TrainingRun): Promise<Validation> {
  const { program, validation, stepOptions, settings, progress } = run;
  const batches = validation.batches.epoch(validation.plan(0));
  const outputs = await collectOutputs(validation.set, batches, (batch) =>
    program.evaluate(stepInputs(batch, { ...stepOptions, randomSeed: [settings.seed, 0] })),
  );
  const broken = clipsNotFinite(outputs, validation.set);
  if (broken !== undefined)
    throw notFiniteError(run, `in the validation after epoch ${progress.completedEpochs + 1} the model gave ${broken}`);
  const sum = outputs.losses.reduce((total, loss) => total + loss, 0);
  return { loss: sum / outputs.clips, scores: scoreSplit(outputs) };
}
