import path from 'node:path';
import type { TransformDescription } from '../config/data-settings';
import { filesLeftOut, type ClipEntry, type Dataset } from '../data/clip-set';
import { sizeOfShape } from '../engine/parameters';
import type { ChosenPrecision } from '../engine/precision';
import type { MachineFacts, RegistryFacts, RunRecord } from '../folder/config-file';
import { required } from '../foundation/required';
import type { Model } from '../models/model';
import { factsOfOwnModel } from '../models/model-table';
import { factsOfKeypoints } from '../models/saved-keypoints';
import { TEACHERS_KEY, type TeacherRecord } from './teacher';

/** Describes a run that is about to start. */
export function describeRun(facts: {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly dataset: Dataset;
  readonly model: Model;
  /** Those that are part of the model. */
  readonly transforms: readonly TransformDescription[];
  readonly teachers: readonly TeacherRecord[];
  readonly precision: ChosenPrecision;
  readonly machine: MachineFacts;
  readonly folder: string;
  readonly created: Date;
  /** Of a folder that a training goes on in. */
  readonly registry: RegistryFacts;
}): RunRecord {
  const { settings, dataset, model, transforms, teachers, precision, machine, folder, created, registry } = facts;
  const counts = { gloss: model.numGloss, category: model.numCategory };
  const training = required(dataset.train, 'the training clips').entries;
  return {
    settings: { ...settings, num_gloss: counts.gloss, num_cat: counts.category },
    run: {
      name: path.basename(folder),
      folder,
      created: created.toISOString(),
      versions: machine.versions,
      device: machine.device,
      git_commit: machine.gitCommit ?? null,
      parameters: model.parameters.filter(({ trainable }) => trainable).reduce((sum, { shape }) => sum + sizeOfShape(shape), 0),
      classes: counts,
      data: {
        title: dataset.title,
        synthetic: dataset.synthetic,
        train_clips: training.length,
        validation_clips: dataset.validation.entries.length,
        fingerprint: dataset.fingerprint,
        validation_fingerprint: dataset.validationFingerprint,
        ...(dataset.leftOut.length === 0 ? {} : { clips_left_out: filesLeftOut(dataset) }),
        ...(settings['val_share'] === null ? {} : { validation_names: dataset.validation.entries.map(({ name }) => name) }),
      },
      training_clips: describeClips(training, counts.gloss),
      model: model.config,
      ...factsOfOwnModel(model.definition),
      ...(transforms.length === 0 ? {} : { transforms }),
      ...(teachers.length === 0 ? {} : { [TEACHERS_KEY]: teachers }),
      ...(precision.asked === false ? {} : { amp: recordOf(precision) }),
      ...factsOfKeypoints(dataset.train?.keypoints),
      gloss_labels: dataset.labels.gloss,
      category_labels: dataset.labels.category,
      ...registry,
    },
  };
}

/** What was asked for and what is used, as `config.json` keeps it. */
function recordOf({ asked, bfloat16, because, gains }: ChosenPrecision): NonNullable<RunRecord['run']['amp']> {
  return { asked, bfloat16_products: bfloat16, because, ...(gains === undefined ? {} : { bfloat16_gains: gains }) };
}

function describeClips(clips: readonly ClipEntry[], glosses: number): RunRecord['run']['training_clips'] {
  const frames = clips.map((clip) => clip.frames).sort((one, other) => one - other);
  return {
    of_gloss: Array.from({ length: glosses }, (_, id) => clips.filter(({ gloss }) => gloss === id).length),
    shortest_frames: required(frames[0], 'the first training clip'),
    median_frames: required(frames[Math.floor(frames.length / 2)], 'the middle training clip'),
    longest_frames: required(frames.at(-1), 'the last training clip'),
  };
}
