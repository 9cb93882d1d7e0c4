import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { PlainRecord } from '../checkpoint/training-checkpoint';
import type { TransformDescription } from '../config/data-settings';
import { isSameLayout, layoutInWords } from '../config/keypoint-layout';
import type { Settings } from '../config/model-settings';
import type { Batch, BatchPlan } from '../data/batch';
import { BatchSource, type WhenUnreadable } from '../data/batch-source';
import { ReadingError } from '../data/data-error';
import type { ClipSet, LabelNames } from '../data/clip-set';
import { modelTransforms } from '../data/transforms/pipeline';
import type { ProgramOptions } from '../engine/create-program';
import { valuesNamed } from '../engine/parameters';
import type { Program } from '../engine/program';
import {
  classDifferences,
  featureInputs,
  inferenceProgram,
  modelOfFile,
  packedInputs,
  shownLabels,
  trainedAs,
  type LoadedModel,
} from '../evaluation/loaded-model';
import { modelFile } from '../folder/named-checkpoint';
import { UserError } from '../foundation/errors';
import { elementAt } from '../foundation/required';
import type { ModelDefinition } from '../models/model';
import type { ModelDefinitions } from '../models/model-table';
import type { TaughtLabels, TrainingBatch } from './head-targets';

/** A trained model whose word is learnt. */
export interface Teacher {
  readonly loaded: LoadedModel;
  /** What training clips go through before it sees them: all that they go through in the training, with the normalisation that is the teacher's own. */
  readonly transforms: readonly TransformDescription[];
  readonly record: TeacherRecord;
}

/** What a training keeps of a teacher: with the same bytes it is the same one, wherever it lies. */
export interface TeacherRecord {
  readonly file: string;
  readonly sha256: string;
}

/** The key in a checkpoint's config, and under `run` in `config.json`, under which the records of a training's teachers are kept. */
export const TEACHERS_KEY = 'teachers';

/** What teachers must suit. */
interface Lesson {
  readonly definition: ModelDefinition;
  readonly settings: Settings;
  readonly train: ClipSet;
  /** The names of the classes that are learnt, and those that the data itself gives. */
  readonly labels: LabelNames;
  readonly givenLabels: LabelNames | undefined;
  /** Frames of the longest batch that there may be. */
  readonly longest: number;
  readonly models: ModelDefinitions;
}

/**
 * The teachers that the settings name; none where they name none.
 * @throws UserError where one cannot be read, or has other classes, sees other clips or shorter ones than the training has.
 */
export function teachersOf(lesson: Lesson): Teacher[] {
  const { teacher } = lesson.settings;
  if (teacher === null) return [];
  const named = existsSync(teacher) ? [teacher] : teacher.split(',').map((place) => place.trim());
  return named.map((place) => {
    const file = modelFile(place, `--teacher ${place}`);
    const loaded = modelOfFile(file, {}, { models: lesson.models });
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    refuseOtherClips(loaded, lesson);
    refuseOtherClasses(loaded, lesson);
    return { loaded, transforms: transformsFor(loaded, lesson), record: { file, sha256 } };
  });
}

/**
 * A training that is gone on with keeps its teachers.
 * @throws UserError where these are others than those that its checkpoint names.
 */
export function refuseOtherTeachers(file: string, config: PlainRecord, teachers: readonly Teacher[]): void {
  const recorded = config[TEACHERS_KEY];
  if (!Array.isArray(recorded)) return;
  const hashes = (recorded as readonly Partial<TeacherRecord>[]).map(({ sha256 }) => sha256);
  const other = teachers.find(({ record }, place) => record.sha256 !== hashes[place]);
  if (other === undefined && hashes.length === teachers.length) return;
  const found =
    other === undefined ? `${teachers.length} of ${hashes.length} teachers` : `${other.record.file} (sha256 ${short(other.record.sha256)})`;
  throw new UserError(
    `--resume ${file}: a resumed run keeps its teacher, sha256 ${hashes.map(short).join(', ')}; found ${found}; say where that lies with --teacher, or start a new training`,
  );
}

function short(sha256: string | undefined): string {
  return String(sha256).slice(0, 12);
}

/** What the teacher gives for an id must be of the class that the labels call so. */
function refuseOtherClasses(loaded: LoadedModel, { labels, givenLabels, train }: Lesson): void {
  const { file, model } = loaded;
  const trained = { labels: shownLabels(loaded), known: loaded.labels !== undefined, calledBy: 'the teacher' };
  const counts = { gloss: model.numGloss, category: model.numCategory };
  const differences = classDifferences(trained, givenLabels ?? labels, train.entries);
  const fewer = (['gloss', 'category'] as const)
    .filter((kind) => differences.length === 0 && counts[kind] !== labels[kind].length)
    .map((kind) => `${kind}: the teacher has ${counts[kind]} classes, the training ${labels[kind].length}`);
  const problems = [...differences, ...fewer];
  if (problems.length > 0)
    throw new UserError(`--teacher ${file}: it tells other classes apart than are to be learnt: ${problems.join('; ')}`);
}

/** The teacher sees the very clips of the training. */
function refuseOtherClips(loaded: LoadedModel, { train, longest }: Lesson): void {
  const { file, name, model, keypoints } = loaded;
  const trained = trainedAs(loaded);
  const pictures = trained && model.definition.clipLocation(trained).pictures;
  const theirs = pictures?.encoded === false ? 'pictures' : keypoints === undefined ? 'features' : layoutInWords(keypoints);
  const ours = train.pictureSide !== undefined ? 'pictures' : train.keypoints === undefined ? 'features' : layoutInWords(train.keypoints);
  const isSame = keypoints === undefined || train.keypoints === undefined ? theirs === ours : isSameLayout(keypoints, train.keypoints);
  if (!isSame)
    throw new UserError(
      `--teacher ${file}: its clips (${name}) are ${theirs}, those of this training ${ours}; give a model on the same clips`,
    );
  if (longest > model.maxFrames)
    throw new UserError(
      `--teacher ${file}: it takes clips of at most ${model.maxFrames} frames, this training's batches have up to ${longest}; give --max-len ${model.maxFrames}`,
    );
}

/** What training clips go through for a teacher: as in the training, but for what is part of a model. */
function transformsFor({ file, transforms: own }: LoadedModel, { definition, settings, train }: Lesson): readonly TransformDescription[] {
  const { transforms = [] } = definition.clipLocation({ ...settings, ...definition.settledByTransforms(own) });
  if (isDeepStrictEqual(modelTransforms(transforms, train.keypoints), [...own])) return transforms;
  const names = own.map(({ name }) => name).join(', ');
  throw new UserError(`--teacher ${file}: what its clips go through (${names}) cannot be done to those of this training`);
}

/** The batches of an epoch, as a training takes them. */
export interface TrainingBatches {
  /** Numbers a frame. */
  readonly width: number;
  /** The planned batches, in the plans' order; as {@link BatchSource.epoch}. @throws ReadingError, while iterating, where a clip has become unreadable. */
  epoch(plans: readonly BatchPlan[], onUnreadable?: WhenUnreadable): AsyncGenerator<TrainingBatch, void, undefined>;
  /** Frees what they hold. */
  close(): Promise<void>;
}

/** Batches of which teachers have said what they hold: of the very clips that a student sees, changed and mixed as they are for it. */
export class TaughtBatches implements TrainingBatches {
  readonly width: number;
  private readonly teachers: readonly {
    readonly teacher: Teacher;
    /** Its own view of the batches, where it sees them otherwise than the student. */
    readonly own: BatchSource | undefined;
  }[];
  private readonly programs = new Map<Teacher, Program>();

  /**
   * @param source the student's batches.
   * @param given.transforms what its clips go through.
   * @param given.temperature what the teachers' logits are divided by.
   */
  constructor(
    private readonly source: BatchSource,
    teachers: readonly Teacher[],
    private readonly given: {
      readonly set: ClipSet;
      readonly batchSize: number;
      readonly transforms: readonly TransformDescription[];
      readonly temperature: number;
      readonly program: ProgramOptions;
    },
  ) {
    const { set, batchSize, transforms } = given;
    this.width = source.width;
    this.teachers = teachers.map((teacher) => ({
      teacher,
      own: isDeepStrictEqual(teacher.transforms, transforms)
        ? undefined
        : new BatchSource(set, { batchSize, transforms: teacher.transforms }),
    }));
  }

  async *epoch(plans: readonly BatchPlan[], onUnreadable?: WhenUnreadable): AsyncGenerator<TrainingBatch, void, undefined> {
    const toldAlready = onUnreadable && ((): void => undefined);
    const views = this.teachers.map(({ teacher, own }) => ({ teacher, batches: own?.epoch(plans, toldAlready) }));
    for await (const batch of this.source.epoch(plans, onUnreadable)) {
      const words: TaughtLabels[] = [];
      for (const { teacher, batches } of views) {
        const next = await batches?.next();
        const seen = next === undefined || next.done === true ? batch : next.value;
        if (!isDeepStrictEqual(seen.indices, batch.indices))
          throw new ReadingError('a clip vanished between the student and its teacher: they read other clips of a batch', undefined);
        words.push(this.wordOf(teacher, seen));
      }
      yield {
        ...batch,
        taught: { gloss: meanOf(words.map(({ gloss }) => gloss)), category: meanOf(words.map(({ category }) => category)) },
      };
    }
  }

  async close(): Promise<void> {
    await this.source.close();
    for (const { own } of this.teachers) await own?.close();
    for (const program of this.programs.values()) program.dispose();
    this.programs.clear();
  }

  private wordOf(teacher: Teacher, batch: Batch): TaughtLabels {
    const { temperature } = this.given;
    const outputs = this.programOf(teacher).evaluate({
      ...featureInputs(batch),
      ...(teacher.loaded.model.leavesPaddingOut === true ? packedInputs(batch) : {}),
    });
    const softened = (name: string): Float32Array => softenedProbabilities(valuesNamed(outputs, name), batch.size, temperature);
    return { gloss: softened('gloss_logits'), category: softened('category_logits') };
  }

  private programOf(teacher: Teacher): Program {
    const known = this.programs.get(teacher) ?? inferenceProgram(teacher.loaded, this.given.program);
    this.programs.set(teacher, known);
    return known;
  }
}

/**
 * `softmax(logits / temperature)` of each row.
 * @param logits `[rows, classes]`
 */
export function softenedProbabilities(logits: ArrayLike<number>, rows: number, temperature: number): Float32Array {
  const classes = logits.length / rows;
  const probabilities = new Float32Array(logits.length);
  for (let row = 0; row < rows; row++) {
    const ofRow = Array.from({ length: classes }, (_, id) => elementAt(logits, row * classes + id) / temperature);
    const most = Math.max(...ofRow);
    const powers = ofRow.map((logit) => Math.exp(logit - most));
    const sum = powers.reduce((total, power) => total + power, 0);
    powers.forEach((power, id) => (probabilities[row * classes + id] = power / sum));
  }
  return probabilities;
}

/** The mean of what several teachers say; of one, its word as it is. */
export function meanOf(words: readonly Float32Array[]): Float32Array {
  const first = elementAt(words, 0);
  return words.length === 1 ? first : first.map((_, place) => words.reduce((sum, word) => sum + elementAt(word, place), 0) / words.length);
}
