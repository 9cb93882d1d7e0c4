/**
 * The library: what `import … from 'kumpas'` gives. Verbs do what the commands of the same names do; parts are what one builds with.
 * Nothing of it prints, ends the process or reads the environment, and TensorFlow's native library is loaded only when something is to be computed.
 */

// Verbs: train, evaluate, predict, compare, convert, extractVideos, startApp, registry
export { train } from './training/train';
export { findLearningRate } from './training/find-learning-rate';
export { measureBatchSizes } from './training/measure-batch-sizes';
export { smokeTest } from './training/smoke-test';
export { collectSweep, trainTrialAt } from './training/sweep/collect';
export { emitSweep } from './training/sweep/schedulers/emit-sweep';
export { sweep } from './training/sweep/sweep';
export { followTraining } from './training/follow-training';
export { compare } from './evaluation/compare/compare';
export { compareCurves } from './evaluation/compare/compare-curves';
export { convert } from './conversion/convert';
export { demoData } from './training/open-training-data';
export { startApp } from './app/server/start-app';
export { setStatistics } from './data/checks/statistics';
export { validateSet } from './data/checks/validate';
export { reportSet } from './evaluation/report/set-report';
export { evaluate } from './evaluation/evaluate';
export { extractVideos } from './extraction/extract-videos';
export { extractFeatures } from './evaluation/frame-features/extract-features';
export { importLandmarks } from './data/import/import-landmarks';
export { showAugmentation } from './evaluation/show-augmentation';
export { showClip } from './evaluation/show-clip';
export { packSet } from './data/pack/pack-set';
export { unpackSet } from './data/pack/unpack-set';
export { editLabels } from './data/collections/edit-labels';
export { splitSet } from './data/collections/split-set';
export { predict } from './evaluation/predict';
export { loadModel } from './evaluation/recogniser';
export * as registry from './zoo/registry';

// Parts: clips and transforms, models and layers, losses, schedules, optimisers
export { openClips } from './data/open-clips';
export { balancedWeights, effectiveWeights } from './training/class-weights';
export { lossWeightsAt } from './training/curriculum';
export { classificationLoss, crossEntropy, focalLoss, smoothedCrossEntropy, weightedByTarget } from './training/losses';
export {
  chooseSchedule,
  constantSchedule,
  cosineSchedule,
  OneCycleSchedule,
  PlateauSchedule,
  stepSchedule,
  warmupCosineSchedule,
} from './training/schedules';
export { adam, adamW } from './engine/optimizers/adam';
export { sgd } from './engine/optimizers/sgd';
export { choice, numberBelow, numberFrom, onOrOff, positiveNumber, setting, settingOrNone, text, wholeNumber } from './config/setting';
export { tf } from './engine/tensorflow';
export { constantValue, standardNormal, uniformFanIn } from './engine/parameters';
export { anyKeypointClips, keypointClips, keypointClipsOf } from './models/clips';
export { defineModel } from './models/define-model';
export { inceptionGru, inceptionGruModel } from './models/inception/inception-gru';
export { encoderLayer, encoderLayerParameters } from './models/layers/encoder';
export { FrameRows } from './models/layers/frame-rows';
export { gru, gruParameters } from './models/layers/gru';
export { linear, linearParameters } from './models/layers/linear';
export { norm, normParameters } from './models/layers/linear';
export { pool } from './models/layers/frame-rows';
export { shape2, shape3 } from './models/layers/frame-rows';
export { ModelDefinitions, ownModels } from './models/model-table';
export { signTransformer, signTransformerModel } from './models/transformer/sign-transformer';

// Types
export type { AppFailure, RunningApp } from './app/server/start-app';
export type { AppOptions } from './app/server/options';
export type { FollowedEvent, FollowedTraining, FollowOptions } from './training/follow-training';
export type { FollowedEnd } from './training/look-at-training';
export type { TrainHooks, TrainOptions, TrainTogetherOptions } from './training/train';
export type { WorkerEnd } from './training/cluster/lead';
export type { ClusterPlace } from './training/cluster/place';
export type { CollectedSweep, TrialEnded, UndoneTrial } from './training/sweep/collect';
export type { EmitOptions } from './training/sweep/schedulers/options';
export type { EmittedSweep } from './training/sweep/schedulers/emit-sweep';
export type { SweepEvent, SweepHooks } from './training/sweep/events';
export type { SweepGrid, SweepOptions, SweepOutcome } from './training/sweep/sweep';
export type { PointResult, SweepResult, TrialResult } from './training/sweep/results';
export type { SweepPlan, Trial as SweepTrial } from './training/sweep/plan';
export type { Range as SweepRange } from './training/sweep/points';
export type { BatchSizeEvent, MeasuredBatchSize, MeasuredBatchSizes } from './training/measure-batch-sizes';
export type { SmokeTest } from './training/smoke-test';
export type { FindRateEvent, FindRateHooks, FoundRates } from './training/find-learning-rate';
export type { TrainingEvent, TrainingListener, TrainingResult } from './training/events';
export type { ComparedCurves, CompareCurvesOptions } from './evaluation/compare/compare-curves';
export type { TrainingCurves } from './evaluation/training-curves';
export type { CompareOptions, Compared, Regression } from './evaluation/compare/compare';
export type { DemoDataOptions, WrittenDemoData } from './training/open-training-data';
export type { EvaluateOptions, Evaluated } from './evaluation/evaluate';
export type { ExportOptions, ImportOptions, InspectOptions } from './conversion/convert';
export type { ExtractedVideos, ExtractEvent, ExtractHooks, ExtractOptions } from './extraction/extract-videos';
export type { ExtractedFeatures, FeaturesOptions } from './evaluation/frame-features/extract-features';
export type { Finding, FindingCode, Severity } from './data/checks/findings';
export type { ClassStatistics, Percentiles, SetStatistics, SplitStatistics } from './data/checks/statistics';
export type { SetOptions, Validation } from './data/checks/validate';
export type { Hooks, Note, Progress, WorkEvent } from './foundation/hooks';
export type { ClipPrediction, Predicted, PredictOptions } from './evaluation/predict';
export type { Recogniser } from './evaluation/recogniser';
export type { Prediction, RankedClass, ReadyClip } from './evaluation/predict-clips';
export type { ImportedLandmarks, ImportLandmarksOptions, ImportStarted, LandmarksLeftOut } from './data/import/import-landmarks';
export type { ShowAugmentationOptions, ShownAugmentation } from './evaluation/show-augmentation';
export type { ShowOptions } from './evaluation/show-clip';
export type { ClipFacts } from './evaluation/shown-clip';
export type { PackedSet, PackOptions } from './data/pack/pack-set';
export type { UnpackedSet, UnpackOptions } from './data/pack/unpack-set';
export type { RegistryData, RegistryOptions, ShownModel } from './zoo/registry';
export type { NamedTensors } from './engine/parameters';
export type { ParameterDeclaration } from './engine/parameters';
export type { BuildableModel, ModelParts } from './models/define-model';
export type { ForwardContext, Model, ModelDefinition, ModelInputs, ModelOutputs } from './models/model';
export { UserError } from './foundation/errors';
export { version } from './foundation/installation';
export type { Optimizer } from './engine/optimizers/optimizer';
export type { CurriculumSettings, LossWeights } from './training/curriculum';
export type { ClassificationLoss, LossSettings } from './training/losses';
export type { EditedLabels } from './data/collections/edit-labels';
export type { LabelsOptions, SplitOptions } from './data/collections/options';
export type { ClipsPlaced, SplitResult, WrittenSet } from './data/collections/split-set';
export type { DataPaths, TransformDescription } from './config/data-settings';
export type { KeypointLayout, KeypointPart } from './config/keypoint-layout';
export type { LayoutDescription } from './config/layout-description';
export type { Batch } from './data/batch';
export type { ClipEntry, LabelNames } from './data/clip-set';
export type { BatchesOptions, Clips, LabelledClip, OpenClipsOptions } from './data/open-clips';
export type { LearningRateSchedule, ScheduleSettings } from './training/schedules';
