/**
 * The library: what `import … from 'kumpas'` gives. Verbs do what the commands of the same names do; parts are what one builds with.
 * Nothing of it prints, ends the process or reads the environment, and TensorFlow's native library is loaded only when something is to be computed.
 */

// Verbs: train, evaluate, predict, compare, convert, registry
export { train } from './training/train';

// Parts: clips and transforms, models and layers, losses, schedules, optimisers
export { openClips } from './data/open-clips';
export { classificationLoss, crossEntropy, focalLoss, smoothedCrossEntropy } from './training/losses';
export { chooseSchedule, constantSchedule, cosineSchedule, PlateauSchedule, warmupCosineSchedule } from './training/schedules';

// Types
export type { TrainHooks, TrainOptions } from './training/train';
export type { TrainingEvent, TrainingListener, TrainingResult } from './training/events';
export { UserError } from './foundation/errors';
export { version } from './foundation/version';
export type { ClassificationLoss, LossSettings } from './training/losses';
export type { DataPaths, TransformDescription } from './config/data-source';
export type { Batch } from './data/batch';
export type { ClipEntry, LabelNames } from './data/clip-set';
export type { BatchesOptions, Clips, LabelledClip, OpenClipsOptions } from './data/open-clips';
export type { LearningRateSchedule, ScheduleSettings } from './training/schedules';
