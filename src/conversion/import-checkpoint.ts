import path from 'node:path';
import { writeTrainingCheckpoint, type PlainRecord, type TrainingCheckpoint } from '../checkpoint/training-checkpoint';
import { defaultSaveDir, modelPlaceholder } from '../config/model-settings';
import type { LabelNames } from '../data/clip-set';
import { plainTransforms, TRANSFORMS_KEY } from '../data/transforms/pipeline';
import { sizeOfShape } from '../engine/parameters';
import type { ImportRecord } from '../folder/config-file';
import { FOLDER_FILES, checkpointFile } from '../folder/contents';
import { freeRunFolder, type NamedFolder } from '../folder/folder-name';
import { RunFolder } from '../folder/model-folder';
import { trainingLogText, type TrainingLogRow } from '../folder/training-log';
import { replaceText, shareFile } from '../foundation/atomic-file';
import { buildFolder } from '../foundation/folders';
import { factsOfOwnModel } from '../models/model-table';
import { factsOfKeypoints } from '../models/saved-keypoints';
import { RECORDED_SETTINGS } from '../training/resume';
import { importReadme } from './import-readme';
import { readLegacyLog } from './legacy-log';
import { labelsOf, readImport, type ImportedModel, type ImportOptions, type ImportSource, type ReadImport } from './read-import';

/**
 * Makes a model folder of a checkpoint that PyTorch or Kumpas wrote. Everything is read and checked first; the folder appears whole or not at all.
 * @throws UserError that names the file and what is wrong with it.
 */
export async function importCheckpoint(source: ImportSource, options: ImportOptions): Promise<ImportedModel> {
  const log = source.log === undefined ? undefined : readLegacyLog(source.log);
  const best = readImport(source.best, options, log);
  const last =
    source.last === undefined ? best : readImport(source.last, { ...options, model: best.recognised.model.definition.name }, log);
  const labels = await labelsOf(best, options.labels);
  const { model } = best.recognised;
  const { name, checkpointName } = model.definition;
  const rows = log?.rows ?? [];
  const resumable = last.checkpoint.optimizer !== undefined;
  const notes = [
    ...new Set([...best.notes, ...last.notes]),
    ...(!resumable && last.notes.every((note) => !note.startsWith('its optimizer'))
      ? ['it holds weights alone: it can be evaluated and used, and no training can go on from it']
      : []),
    ...(labels === undefined ? ['it names no classes; give --labels-reference labels_reference.csv'] : []),
  ];
  const saveDir = options.saveDir ?? defaultSaveDir.replaceAll(modelPlaceholder, name);
  const named = freeRunFolder(saveDir, name, options.description, options.date);
  const facts = { named, saveDir, labels, rows, notes, options };

  buildFolder(named.folder, (folder) => {
    const files = new RunFolder(folder, checkpointName);
    writeTrainingCheckpoint(files.best, importedCheckpoint(best, facts));
    if (last !== best) writeTrainingCheckpoint(files.last, importedCheckpoint(last, facts));
    else if (resumable) shareFile(files.best, files.last);
    replaceText(files.log, trainingLogText(rows));
    files.writeConfig({ settings: settingsOf(best, facts), run: recordOf(best, facts) });
    files.writeReadme(importReadme({ read: best, named, rows, notes, resumable, checkpointName, versions: options.versions }));
  });
  const { checkpoint } = best;
  const trained = checkpoint.epoch > 0;
  return {
    file: source.best,
    folder: named.folder,
    files: [
      checkpointFile(checkpointName, 'best'),
      ...(resumable || last !== best ? [checkpointFile(checkpointName, 'last')] : []),
      ...[FOLDER_FILES.log, FOLDER_FILES.config, FOLDER_FILES.readme],
    ],
    model: name,
    config: model.config,
    epoch: trained ? checkpoint.epoch : undefined,
    bestMetric: Number.isFinite(checkpoint.bestMetric) ? checkpoint.bestMetric : undefined,
    resumable,
    labelled: labels !== undefined,
    notes,
  };
}

interface Facts {
  readonly named: NamedFolder;
  readonly saveDir: string;
  readonly labels: LabelNames | undefined;
  readonly rows: readonly TrainingLogRow[];
  readonly notes: readonly string[];
  readonly options: ImportOptions;
}

/** What is written: the weights and the training's state as they were read, with a config that tells the model. */
function importedCheckpoint(read: ReadImport, facts: Facts): TrainingCheckpoint {
  const { checkpoint, recognised, ours, stated } = read;
  const { labels, named, options } = facts;
  const names = labels === undefined ? {} : { gloss_labels: labels.gloss, category_labels: labels.category };
  const kept = ours
    ? checkpoint.config
    : { [RECORDED_SETTINGS]: [...stated], imported_from: path.basename(read.file), ...progressOf(read, facts) };
  const config: PlainRecord = {
    model: recognised.model.definition.name,
    ...recognised.model.config,
    ...factsOfOwnModel(recognised.model.definition),
    ...kept,
    ...(read.transforms.length === 0 ? {} : { [TRANSFORMS_KEY]: plainTransforms(read.transforms) }),
    ...(factsOfKeypoints(read.keypoints) as PlainRecord),
    ...names,
    description: path.basename(named.folder),
    kumpas_version: options.versions.kumpas,
  };
  return { ...checkpoint, config, args: settingsOf(read, facts) };
}

function settingsOf({ settings, recognised: { model } }: ReadImport, { named, saveDir }: Facts): PlainRecord {
  return { ...settings, num_gloss: model.numGloss, num_cat: model.numCategory, description: named.description, save_dir: saveDir };
}

/** The best epoch so far, where the log tells it: early stopping and the README count from it. */
function progressOf({ checkpoint }: ReadImport, { rows }: Facts): PlainRecord {
  const done = rows.filter(({ epoch }) => epoch <= checkpoint.epoch);
  const best = done.toSorted((one, other) => other.gloss_acc - one.gloss_acc || one.epoch - other.epoch)[0];
  return best === undefined ? {} : { progress: { best_epoch: best.epoch } };
}

/** What `config.json` says of the folder beside its settings. */
function recordOf(
  { file, recognised: { model }, checkpoint, keypoints, transforms }: ReadImport,
  { named, labels, notes, options }: Facts,
): ImportRecord['run'] {
  return {
    name: path.basename(named.folder),
    folder: named.folder,
    created: options.date.toISOString(),
    versions: options.versions,
    imported_from: path.basename(file),
    notes,
    epoch: checkpoint.epoch,
    ...(Number.isFinite(checkpoint.bestMetric) ? { best_metric: checkpoint.bestMetric } : {}),
    parameters: model.parameters.filter(({ trainable }) => trainable).reduce((sum, { shape }) => sum + sizeOfShape(shape), 0),
    classes: { gloss: model.numGloss, category: model.numCategory },
    model: model.config,
    ...factsOfOwnModel(model.definition),
    ...(transforms.length === 0 ? {} : { [TRANSFORMS_KEY]: transforms }),
    ...factsOfKeypoints(keypoints),
    ...(labels === undefined ? {} : { gloss_labels: labels.gloss, category_labels: labels.category }),
  };
}
