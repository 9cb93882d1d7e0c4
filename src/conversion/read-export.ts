import {
  readTrainingCheckpoint,
  type CheckpointReading,
  type PlainRecord,
  type TrainingCheckpoint,
} from '../checkpoint/training-checkpoint';
import { optimizerForms } from '../engine/optimizers/table';
import { recogniseWeights, saidOfModel, type FittedModel } from '../evaluation/recognise';
import { optimizerParameters } from '../models/model';

/** A checkpoint that is about to leave. */
export interface ReadExport {
  readonly checkpoint: TrainingCheckpoint;
  readonly recognised: FittedModel;
  /** What was taken as usual or left out; a line each. */
  readonly notes: readonly string[];
}

/**
 * Reads a checkpoint that shall be written in another form.
 * @param shape what it may not say of its model, under the names of its config.
 * @param reading which of its weights are taken.
 * @throws UserError that names the file, where it cannot be read or is of none of the models.
 */
export function readExport(file: string, shape: PlainRecord, reading: CheckpointReading = {}): ReadExport {
  const notes: string[] = [];
  let recognised: FittedModel | undefined;
  const checkpoint = readTrainingCheckpoint(
    file,
    (read) => {
      recognised = recogniseWeights(read.model, { ...saidOfModel(read), ...shape }, file);
      notes.push(...read.notes, ...recognised.notes);
      return { weights: recognised.weights, parameters: optimizerParameters(recognised.model) };
    },
    optimizerForms,
    (reason) => {
      notes.push(`its optimizer was left out: ${reason}`);
    },
    reading,
  );
  if (recognised === undefined) throw new Error('the weights were not looked at');
  notes.push(...recognised.assumptions.map((assumption) => `the checkpoint does not say: ${assumption} was taken`));
  return { checkpoint, recognised, notes };
}
