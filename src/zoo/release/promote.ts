import { renameSync } from 'node:fs';
import path from 'node:path';
import { readWeights } from '../../checkpoint/training-checkpoint';
import type { DataWatch } from '../../evaluation/evaluate';
import { modelOfCheckpoint, type LoadedModel } from '../../evaluation/loaded-model';
import type { ModelRecord } from '../../folder/config-file';
import { ModelFolder } from '../../folder/model-folder';
import { modelFile } from '../../folder/named-checkpoint';
import { UserError } from '../../foundation/errors';
import { weightsDigest } from '../checksums';
import type { RegisteredModel } from '../find-model';
import { clearFoldersBeside, clearUnfinishedIn, withFolderBeside } from '../leftovers';
import { completeReleases, writeProductionRecord } from './complete-releases';
import { makeProduction, type CheckpointData } from './production-checkpoint';
import { productionFileName, type ProductionDtype, type ProductionRecord } from './production-record';
import { readReleases } from './release-record';

/** What the commands that write a production checkpoint need of the world. */
export interface ReleaseContext {
  readonly now: Date;
  /** The version of Kumpas. */
  readonly kumpas: string;
  readonly watch: DataWatch;
}

/**
 * Makes a model's production checkpoint of its best one, and evaluates both. The runtime must have been started.
 * @throws UserError where the model cannot be evaluated, or the checkpoints do not give the same; then nothing has been written.
 */
export async function promoteModel(
  model: RegisteredModel,
  { dtype, data }: { readonly dtype: ProductionDtype; readonly data: CheckpointData },
  { now, kumpas, watch }: ReleaseContext,
): Promise<ProductionRecord> {
  const { name, folder } = model;
  return await new ModelFolder(folder).whileLocked('promote', async () => {
    const record = new ModelFolder(folder).readConfig();
    tidy(model, watch);
    const file = modelFile(folder, name);
    const contents = readWeights(file);
    const source = modelOfCheckpoint(file, contents, {}, model.models);
    if (path.basename(source.file) === productionFileName(source)) {
      throw new UserError(`${name}: it holds no checkpoint of a training, only ${productionFileName(source)}; there is nothing to promote`);
    }
    const latest = readReleases(folder).at(-1)?.record;
    const released = latest?.weights_sha256 === weightsDigest(contents.model) ? latest.version : undefined;
    const request = { source, contents, dtype, data, version: released, labels: labelsOf(record), alongside: [], created: now, kumpas };
    return await withFolderBeside(folder, async (beside) => {
      const made = await makeProduction(beside, request, watch);
      renameSync(made.file, path.join(folder, made.record.file));
      new ModelFolder(folder).updateRegistryFacts({ stage: 'production' });
      writeProductionRecord(folder, made.record);
      return made.record;
    });
  });
}

/** Completes and clears what commands that were killed left of a model. The caller holds its lock. */
export function tidy(model: RegisteredModel, { onWarning }: DataWatch): readonly string[] {
  const { completed, problems } = completeReleases(model);
  for (const what of completed) onWarning(`${model.name}: a command was stopped before it was done; completed: ${what}`);
  for (const problem of problems) onWarning(problem);
  clearFoldersBeside(model.folder);
  clearUnfinishedIn(model.folder);
  clearUnfinishedIn(new ModelFolder(model.folder).releases);
  return completed;
}

/** The names of the classes, as a model folder's `config.json` has them. */
export function labelsOf({ run }: ModelRecord): LoadedModel['labels'] {
  const { gloss_labels: gloss, category_labels: category, classes } = run;
  if (gloss?.length !== classes.gloss || category?.length !== classes.category) return undefined;
  return { gloss, category };
}
