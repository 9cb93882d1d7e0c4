import { collectOutputs } from '../evaluation/split-outputs';
import { scoreSplit, type SplitScores } from '../evaluation/split-scores';
import type { TrainingRun } from './run';
import { stepInputs } from './step-definition';

export interface Validation {
  /** Mean over the validation clips, of the loss that is trained on. */
  readonly loss: number;
  readonly scores: SplitScores;
}

/** Scores the model as it is now on the validation clips. */
export async function validate({ program, validation, stepOptions, settings }: TrainingRun): Promise<Validation> {
  const batches = validation.batches.epoch(validation.plan(0));
  const outputs = await collectOutputs(validation.set, batches, (batch) =>
    program.evaluate(stepInputs(batch, { ...stepOptions, randomSeed: [settings.seed, 0] })),
  );
  const sum = outputs.losses.reduce((total, loss) => total + loss, 0);
  return { loss: sum / outputs.clips, scores: scoreSplit(outputs) };
}
