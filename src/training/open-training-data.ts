import type { TransformDescription } from '../config/data-settings';
import { checkOptions, type OptionsInput } from '../config/layers';
import type { Settings } from '../config/model-settings';
import { setting, text, wholeNumber } from '../config/setting';
import { bucketLengths, planEpoch } from '../data/batch';
import { BatchSource } from '../data/batch-source';
import type { ClipSet, Dataset } from '../data/clip-set';
import { demoSetOfWidth, writeDemoFolder } from '../data/demo/sets';
import { planEvaluation } from '../data/even-batches';
import { openData, type DataRequest } from '../data/open-clips';
import { modelTransforms, TransformPipeline } from '../data/transforms/pipeline';
import type { ParameterValues } from '../engine/parameters';
import type { ChosenPrecision } from '../engine/precision';
import { openAsFeatures } from '../evaluation/frame-features/encode-clips';
import { recordAt, savedLabels, validationNames, wantedKeypoints } from '../evaluation/loaded-model';
import type { WithModels } from '../evaluation/recognise';
import { cacheFolder, featuresIn } from '../foundation/caches';
import { UserError } from '../foundation/errors';
import { memoryBudget, memoryFacts } from '../foundation/memory-limit';
import { required } from '../foundation/required';
import type { ModelDefinition } from '../models/model';
import { ownModels } from '../models/model-table';
import { restoreUnreadable } from './progress';
import { withClassesOfRun, type ResumePoint } from './resume';
import type { RunSplit, TrainingContext, TrainingData } from './run';
import { refuseOtherTeachers, TaughtBatches, teachersOf, type Teacher } from './teacher';
import { reportLeftOut } from './unreadable-clips';
import type { WarmStart } from './warm-start';

/**
 * Opens and checks the clips that the settings name, those of a resumed run under its own classes.
 * @param begun with what it begins: then its clips are those of the model that goes on.
 * @param begun.dataset the clips, where they have been read already.
 * @param begun.precision in which teachers compute.
 * @param weights with which frames are turned into features, where the model is trained on those.
 * @throws UserError with everything that is wrong with the clips.
 */
export async function openTrainingData(
  definition: ModelDefinition,
  settings: Settings,
  weights: ParameterValues,
  begun: {
    readonly resume: ResumePoint | undefined;
    readonly warmStart: WarmStart | undefined;
    readonly dataset?: Dataset | undefined;
    readonly precision: ChosenPrecision;
  },
  context: Pick<TrainingContext, 'report' | 'cacheFolder' | 'models'>,
): Promise<TrainingData> {
  const { resume } = begun;
  const opened = begun.dataset ?? (await openDataset(definition, settings, weights, begun, context));
  reportLeftOut(opened, context.report);
  const dataset = resume === undefined ? opened : withClassesOfRun(resume, opened);
  // Its longest clip is of the architecture alone, whatever the classes are.
  const model = definition.fromSettings(settings, { gloss: 1, category: 1 });
  const { maxFrames } = model;
  const computed = { settings, maxFrames, leavesPaddingOut: model.leavesPaddingOut === true };
  const { transforms = [] } = definition.clipLocation(settings);
  const train = requireTraining(dataset);
  const ofModel = modelTransforms(transforms, train.keypoints);
  warnOfCuts(dataset, maxFrames, context.report);
  const training = trainingSplit(train, transforms, computed);
  const { models = ownModels } = context;
  const { labels, givenLabels } = dataset;
  const teachers = teachersOf({ definition, settings, train, labels, givenLabels, longest: training.longest, models });
  if (resume !== undefined) refuseOtherTeachers(resume.file, resume.checkpoint.config, teachers);
  return {
    dataset,
    transforms: ofModel,
    train: teachers.length === 0 ? training : taughtSplit(training, teachers, transforms, settings, begun.precision),
    validation: validationSplit(dataset.validation, ofModel, computed),
    teachers: teachers.map(({ record }) => record),
  };
}

/** Training clips with what teachers say of them. */
function taughtSplit(
  { set, batches, plan }: SourceSplit,
  teachers: readonly Teacher[],
  transforms: readonly TransformDescription[],
  { batch_size: batchSize, teacher_temperature: temperature, compile_model }: Settings,
  { bfloat16: matrixType }: ChosenPrecision,
): RunSplit {
  const program = { mode: compile_model ? 'captured' : 'eager', matrixType } as const;
  return { set, plan, batches: new TaughtBatches(batches, teachers, { set, batchSize, transforms, temperature, program }) };
}

/** A clip that is cut loses its end, which may be the sign. */
function warnOfCuts({ train, validation }: Dataset, maxFrames: number, report: TrainingContext['report']): void {
  const all = [...(train?.entries ?? []), ...validation.entries];
  const cut = all.filter(({ frames }) => frames > maxFrames);
  if (cut.length === 0) return;
  const longest = cut.reduce((one, other) => (other.frames > one.frames ? other : one));
  const said = `${cut.length} of ${all.length} clips are longer than the ${maxFrames} frames that the model takes (${longest.name} has ${longest.frames})`;
  report({
    kind: 'warning',
    text: `${said}: only their first ${maxFrames} are seen; give a larger --max-len, or cut the clips to their signs`,
  });
}

async function openDataset(
  definition: ModelDefinition,
  settings: Settings,
  weights: ParameterValues,
  { resume, warmStart }: { readonly resume: ResumePoint | undefined; readonly warmStart: WarmStart | undefined },
  { report, cacheFolder: cache = cacheFolder({}) }: Pick<TrainingContext, 'report' | 'cacheFolder'>,
): Promise<Dataset> {
  const { pictures, ...location } = definition.clipLocation(settings);
  const request: DataRequest = {
    ...location,
    width: definition.width,
    keypoints: keypointsFor(definition, resume ?? warmStart),
    ...classCounts(settings, resume),
    demoSeed: settings.seed,
    memoryBudgetBytes: settings.memory_budget_mb === null ? memoryBudget(memoryFacts()) : settings.memory_budget_mb * 1e6,
    cacheFolder: cache,
    needTrain: true,
    leaveOutBroken: settings.skip_bad_clips,
    unreadable: restoreUnreadable(resume?.progress?.['unreadable_clips']).map((clip) => ({
      ...clip,
      leftOut: clip.leftOut && settings.skip_bad_clips,
    })),
    validationShare: shareOf(settings, resume),
    namesOfModel: resume && savedLabels(resume.checkpoint.config, resume.model),
    onNote: (text) => {
      report({ kind: 'note', text });
    },
    onWarning: (text) => {
      report({ kind: 'warning', text });
    },
    onProgress: (done, total) => {
      report({ kind: 'clips-read', done, total });
    },
  };
  if (pictures === undefined) return openData(request);
  if (!pictures.encoded) return openData({ ...request, width: pictures.side * pictures.side * 3, pictureSide: pictures.side });
  const features = featuresIn(cache);
  report({ kind: 'note', text: `the backbone stays as it is: features of frames are computed once, and kept in ${features}` });
  return openAsFeatures(request, definition.fromSettings(settings, { gloss: 1, category: 1 }), weights, features);
}

/** The key points that are wanted: those of the model that a training goes on from or begins with, else those that are its definition's. */
function keypointsFor(
  { name, keypoints }: ModelDefinition,
  begun: Pick<WarmStart, 'file' | 'keypoints'> | undefined,
): DataRequest['keypoints'] {
  if (begun !== undefined) return wantedKeypoints(begun.file, begun.keypoints);
  return keypoints === undefined || keypoints === 'of the data' ? keypoints : wantedKeypoints(`model ${name}`, keypoints);
}

/** A resumed run validates on the very clips that it validated on before. */
function shareOf({ val_share: share, seed }: Settings, resume: ResumePoint | undefined): DataRequest['validationShare'] {
  if (share === null) return undefined;
  const kept = resume && validationNames(recordAt(resume.checkpoint.config, 'data'));
  return { share, seed, kept, refuseOwn: resume === undefined };
}

/** Of a resumed run's data all classes are wanted, more than the run has too, so that it can be said that there are more. */
function classCounts(settings: Settings, resume: ResumePoint | undefined): Pick<DataRequest, 'numGloss' | 'numCat' | 'atLeast'> {
  if (resume === undefined) return { numGloss: settings.num_gloss, numCat: settings.num_cat };
  const { numGloss: gloss, numCategory: category } = resume.model;
  return { atLeast: { gloss, category } };
}

function requireTraining({ train, title }: Dataset): ClipSet {
  if (train === undefined) throw new UserError(`${title}: there are no training clips`);
  return train;
}

/** A split whose batches come straight from its clips. */
type SourceSplit = RunSplit & {
  readonly batches: BatchSource;
  /** Frames of the longest batch that there may be. */ readonly longest: number;
};

/** How the batches of both splits are computed. */
interface BatchComputation {
  readonly settings: Settings;
  readonly maxFrames: number;
  /** Whether padding is left out. */
  readonly leavesPaddingOut: boolean;
}

/** Training goes through its clips in an order that is a function of (seed, epoch). */
function trainingSplit(
  set: ClipSet,
  descriptions: readonly TransformDescription[],
  { settings, maxFrames, leavesPaddingOut }: BatchComputation,
): SourceSplit {
  const { batch_size: batchSize, num_buckets: maxBuckets, seed, sampling } = settings;
  const transforms = TransformPipeline.of(descriptions, set.keypoints);
  const lengths = bucketLengths(set.entries, { maxBuckets, maxFrames, batchSize, transforms });
  const options = { batchSize, maxFrames, seed, shuffle: true, sampling, bucketLengths: lengths, transforms, leavesPaddingOut };
  return {
    set,
    batches: new BatchSource(set, { batchSize, transforms: descriptions }),
    longest: required(lengths.at(-1), 'the length of the longest batch'),
    plan: (epoch) => planEpoch(set, { ...options, epoch }),
  };
}

/** Validation always has the same batches. */
function validationSplit(
  set: ClipSet,
  descriptions: readonly TransformDescription[],
  { settings, maxFrames, leavesPaddingOut }: BatchComputation,
): RunSplit {
  const { batch_size: batchSize, num_buckets: maxBuckets } = settings;
  const transforms = TransformPipeline.of(descriptions, set.keypoints);
  const plans = planEvaluation(set, { batchSize, maxBuckets, maxFrames, transforms, leavesPaddingOut });
  return { set, batches: new BatchSource(set, { batchSize, transforms: descriptions }), plan: () => plans };
}

/** The options of {@link demoData}, each a flag of the command demo-data. */
export const demoDataOptions = {
  model: setting(text('the name of a model'), ownModels.defaultName, {
    group: 'Demo data',
    description: 'The model whose kind of clips to write.',
  }),
  out: setting(text('the path of a folder'), 'demo_data', {
    group: 'Demo data',
    description: 'The new folder to write.',
    aliases: ['output_dir', 'out_dir'],
  }),
  seed: setting(wholeNumber(0, 2 ** 31 - 1), 42, {
    group: 'Demo data',
    description: 'Decides who signs and how every clip turns out.',
  }),
} as const;

/** What {@link demoData} is asked for. */
export type DemoDataOptions = OptionsInput<typeof demoDataOptions>;

/** A data folder that was written. */
export interface WrittenDemoData {
  readonly folder: string;
  readonly trainClips: number;
  readonly validationClips: number;
}

/**
 * Writes the synthetic demo set as a data folder, which trainings without data use: it was made by a generator, and nobody was filmed.
 * @throws UserError where something is in the folder already.
 */
export function demoData(options: DemoDataOptions = {}, { models = ownModels }: WithModels = {}): WrittenDemoData {
  const { model, out: folder, seed } = checkOptions(demoDataOptions, { source: 'demoData()', values: options });
  if (models.find(model) === undefined) throw new UserError(`--model: expected ${models.names.join(' or ')}, found "${model}"`);
  return { folder, ...writeDemoFolder(folder, seed, demoSetOfWidth(models.get(model).width)) };
}
