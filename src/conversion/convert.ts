import { checkOptions, type Options, type OptionsInput } from '../config/layers';
import { startRuntime } from '../engine/runtime';
import { readingOf, shapeOf } from '../evaluation/options';
import type { WithModels } from '../evaluation/recognise';
import { modelFile } from '../folder/named-checkpoint';
import { UserError } from '../foundation/errors';
import { warningsTo, type Hooks } from '../foundation/hooks';
import { version } from '../foundation/installation';
import { ownModels } from '../models/model-table';
import { exportCheckpoint, type ExportedModel } from './export-checkpoint';
import { importCheckpoint } from './import-checkpoint';
import { importTree, type TreeImport } from './import-tree';
import { inspectCheckpoint, type Inspection } from './inspect';
import { exportOptions, importOptions, inputsGiven, inspectOptions } from './options';
import type { ImportedModel, ImportOptions as ImportRequest } from './read-import';
import { exportSite } from './web/export-site';

/** What `convert.inspect` is asked for. */
export type InspectOptions = OptionsInput<typeof inspectOptions>;
/** What `convert.import` and `convert.importFolder` are asked for. */
export type ImportOptions = OptionsInput<typeof importOptions>;
/** What `convert.export` is asked for. */
export type ExportOptions = OptionsInput<typeof exportOptions>;

/** Looks into checkpoints, makes model folders of them, and writes models for others. Nothing that a checkpoint holds is run. */
export const convert = {
  /**
   * Says what a checkpoint is: its keys, its tensors, which model it fits, what it would need.
   * @throws UserError that names the file, where it cannot be read or holds no weights.
   */
  inspect(options: InspectOptions, hooks: WithModels = {}): Inspection {
    const { file, ...given } = checkOptions(inspectOptions, { source: 'convert.inspect()', values: options });
    return inspectCheckpoint(file, shapeOf(given), readingOf(given, hooks));
  },

  /**
   * Makes a model folder of a checkpoint that PyTorch or Kumpas wrote. The folder appears whole or not at all.
   * @throws UserError that names the file and what is wrong with it.
   */
  async import(options: ImportOptions, hooks: WithModels = {}): Promise<ImportedModel> {
    const given = checkOptions(importOptions, { source: 'convert.import()', values: options });
    return importCheckpoint({ best: given.file, log: given.log }, requestOf(given, hooks));
  },

  /**
   * Makes a model folder of each checkpoint in a folder and below; one that cannot be imported does not stop the others. Where it is aborted, it ends after the
   * checkpoint that was begun with and gives what is done.
   * @throws UserError where there is no checkpoint.
   */
  async importFolder(options: ImportOptions, hooks: Hooks & WithModels = {}): Promise<TreeImport> {
    const { signal, onEvent } = hooks;
    const { file: folder, log, ...given } = checkOptions(importOptions, { source: 'convert.importFolder()', values: options });
    if (log !== undefined)
      throw new UserError(`--log belongs to one checkpoint; ${folder} is a folder, in which each log is found beside its checkpoint`);
    return importTree(folder, requestOf(given, hooks), {
      onImport: (done, total, file) => onEvent?.({ kind: 'checkpoint-import', done, total, file }),
      ...(signal === undefined ? {} : { signal }),
    });
  },

  /**
   * Writes a model in another form: for PyTorch, as safetensors, as a SavedModel for TensorFlow, or as a page for browsers. A file or folder that is there is never written over.
   * @throws UserError where the checkpoint cannot be read, the place is taken, or the type is too narrow for a weight.
   */
  async export(options: ExportOptions, hooks: Hooks & WithModels = {}): Promise<ExportedModel> {
    const { format, samples, ...given } = checkOptions(exportOptions, { source: 'convert.export()', values: options });
    if (samples !== undefined && format !== 'web') throw new UserError(`--samples belongs to --format web; found --format ${format}`);
    if (format === 'saved-model' || format === 'web') {
      const runtime = await startRuntime({ verbose: hooks.verbose === true });
      if (runtime.warning !== undefined) warningsTo(hooks)(runtime.warning);
    }
    const { dtype, out } = given;
    const model = { file: modelFile(given.model), dtype, out, shape: shapeOf(given), reading: readingOf(given, hooks) };
    if (format === 'web') return exportSite({ ...model, samples: samples === undefined ? [] : [samples].flat() });
    const { weights_only: weightsOnly = false, batch_size: batchSize, frames } = given;
    return exportCheckpoint({ ...model, format, weightsOnly, batchSize, frames });
  },
};

function requestOf(given: Omit<Options<typeof importOptions>, 'file' | 'log'>, hooks: WithModels): ImportRequest {
  const { models = ownModels } = hooks;
  const { model = 'auto', labels_reference: labels, description, save_dir: saveDir } = given;
  if (model !== 'auto' && models.find(model) === undefined)
    throw new UserError(`--model: expected auto, ${models.names.join(', ')}, found "${model}"`);
  return {
    model: model === 'auto' ? undefined : model,
    shape: shapeOf(given),
    reading: readingOf(given, hooks),
    inputs: inputsGiven(given),
    labels,
    description,
    saveDir,
    date: new Date(),
    versions: { kumpas: version, node: process.versions.node },
  };
}
