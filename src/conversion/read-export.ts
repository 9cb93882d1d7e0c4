import { readTrainingCheckpoint, type PlainRecord, type TrainingCheckpoint } from '../checkpoint/training-checkpoint';
import { recogniseWeights, type NamedModel } from '../evaluation/recognise';
import { optimizerParameters } from '../models/model';

/** A checkpoint that is about to leave. */
export interface ReadExport {
  readonly checkpoint: TrainingCheckpoint;
  readonly recognised: NamedModel;
  /** What was taken as usual or left out; a line each. */
  readonly notes: readonly string[];
}

/**
 * Reads a checkpoint that shall be written in another form.
 * @param shape what it may not say of its model, under the names of its config.
 * @throws UserError that names the file, where it cannot be read or is of none of the models.
 */
export function readExport(file: string, shape: PlainRecord): ReadExport {
  const notes: string[] = [];
  let recognised: NamedModel | undefined;
  const checkpoint = readTrainingCheckpoint(
    file,
    ({ model, config }) => {
      recognised = recogniseWeights(model, { ...config, ...shape }, file);
      return optimizerParameters(recognised.model);
    },
    (reason) => {
      notes.push(`its optimizer was left out: ${reason}`);
    },
  );
  if (recognised === undefined) throw new Error('the weights were not looked at');
  notes.push(...recognised.assumptions.map((assumption) => `the checkpoint does not say: ${assumption} was taken`));
  return { checkpoint, recognised, notes };
}
