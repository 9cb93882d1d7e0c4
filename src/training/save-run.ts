import { writeTrainingCheckpoint, type PlainRecord, type TrainingCheckpoint } from '../checkpoint/training-checkpoint';
import { shareFile } from '../foundation/atomic-file';
import { optimizerFor } from '../engine/optimizers/table';
import { optimizerParameters } from '../models/model';
import { saveProgress } from './progress';
import { firstNotFinite, notFiniteError, type NamedValues } from './not-finite';
import type { TrainingRun } from './run';

/**
 * Writes `_best.pt`.
 * @throws UserError where the weights or what the optimiser remembers are not finite: then nothing is written.
 * @throws FileSystemProblem where the folder was taken away, or the file cannot be written.
 */
export function saveBest(run: TrainingRun): void {
  run.place.requireThere();
  writeTrainingCheckpoint(run.files.best, checkpointOf(run));
}

/**
 * Writes `_last.pt`, from which the run can go on.
 * @param options.sameAsBest whether `_best.pt` was written from this very state: then its bytes serve for both.
 * @throws UserError and FileSystemProblem as {@link saveBest}.
 */
export function saveLast(run: TrainingRun, options: { readonly sameAsBest: boolean } = { sameAsBest: false }): void {
  run.place.requireThere();
  if (options.sameAsBest) shareFile(run.files.best, run.files.last);
  else writeTrainingCheckpoint(run.files.last, checkpointOf(run));
  run.lastSaved = { epochs: run.progress.completedEpochs, batches: run.progress.batchesDone };
}

function checkpointOf(run: TrainingRun): TrainingCheckpoint {
  const { program, model, progress, schedule, settings, record } = run;
  const values = program.readParameters();
  const state = program.readOptimizer();
  const { form, hyperparameters } = optimizerFor(settings);
  const slots = Object.entries(form.slots).flatMap(([slot, title]) =>
    valuesOf(`${form.className}'s ${title} of `, state.slots.get(slot) ?? new Map()),
  );
  refuseNotFinite(run, [...values, ...slots]);
  return {
    epoch: progress.completedEpochs,
    bestMetric: progress.bestMetric,
    model: new Map(
      model.parameters.map(({ name, shape, storedAs }) => [
        name,
        { shape, values: values.get(name) ?? new Float32Array(), ...(storedAs === undefined ? {} : { storedAs }) },
      ]),
    ),
    optimizer: {
      ...state,
      form,
      hyperparameters,
      parameterNames: optimizerParameters(model)[0],
      learningRate: schedule.learningRate,
    },
    scheduler: schedule.stateDict(),
    config: { ...checkpointConfig(run), progress: saveProgress(progress) },
    args: record.settings as PlainRecord,
  };
}

function valuesOf(title: string, values: ReadonlyMap<string, Float32Array>): NamedValues[] {
  return [...values].map(([name, array]) => [`${title}${name}`, array]);
}

function refuseNotFinite(run: TrainingRun, tensors: readonly NamedValues[]): void {
  const found = firstNotFinite(tensors);
  if (found === undefined) return;
  const { completedEpochs, batchesDone } = run.progress;
  const place = batchesDone > 0 ? `in epoch ${completedEpochs + 1}` : `by the end of epoch ${completedEpochs}`;
  throw notFiniteError(run, `${found} was no longer finite ${place}`);
}

/** What lets a checkpoint know itself: its shape, its labels, its data. */
function checkpointConfig({ model, settings, record, dataset }: TrainingRun): PlainRecord {
  return {
    model: settings.model,
    ...model.config,
    gloss_labels: dataset.labels.gloss,
    category_labels: dataset.labels.category,
    description: record.run.name,
    data: { ...record.run.data },
    kumpas_version: record.run.versions.kumpas,
  };
}
