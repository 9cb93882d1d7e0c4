import type { z } from 'zod';
import { distillationSettings } from './distillation-settings';
import { checkOptimizerSettings, optimizerSettings, type OptimizerSettings } from './optimizer-settings';
import { scheduleSettings } from './schedule-settings';
import {
  choice,
  numberBelow,
  numberFrom,
  onOrOff,
  onOrOffOr,
  positiveNumber,
  setting,
  settingOrNone,
  text,
  wholeNumber,
  type SettingProblem,
} from './setting';
import { updateSettings } from './update-settings';
import { checkWeighting, weightingSettings, type WeightingSettings } from './weighting-settings';

const group = 'Training';

/** How any model is trained: the loop, the loss, the learning rate and its schedule. */
export const trainingSettings = {
  epochs: setting(wholeNumber(1, 1_000_000), 20, {
    group,
    description: 'Epochs in all. A resumed training goes on to this number, it does not add to it.',
    aliases: ['num_epochs'],
  }),
  batch_size: setting(wholeNumber(1, 65_536), 32, { group, description: 'Clips in a batch.' }),
  lr: setting(positiveNumber(), 1e-4, { group, description: "The optimiser's learning rate.", aliases: ['learning_rate'] }),
  ...optimizerSettings,
  ...updateSettings,
  ...weightingSettings,
  loss: setting(choice(['ce', 'focal', 'label_smoothing']), 'ce', {
    group,
    description: 'The loss of both heads: cross-entropy, focal loss, or cross-entropy with smoothed labels.',
    aliases: ['loss_type'],
  }),
  focal_gamma: setting(numberFrom(0), 2, {
    group,
    description: 'How strongly the focal loss plays down clips that are already recognised.',
  }),
  focal_alpha: setting(positiveNumber(), 1, { group, description: 'Factor on the focal loss.' }),
  label_smoothing: setting(numberBelow(0, 1), 0.1, {
    group,
    description: 'Share of the target that label_smoothing spreads evenly over all classes.',
  }),
  class_weights: setting(choice(['none', 'balanced', 'effective']), 'none', {
    group,
    description:
      "How much clips of each class count in the losses of both heads, from the training clips' counts: all alike; inversely to how many its class has, as scikit-learn's balanced; or inversely to their effective number (Cui 2019, beta 0.999).",
    aliases: ['class_weight'],
  }),
  sampling: setting(choice(['shuffle', 'balanced']), 'shuffle', {
    group,
    description:
      'Which clips an epoch goes through: each once; or as many, drawn so that every gloss comes as often, clips of rare ones again and again.',
  }),
  curriculum: setting(choice(['none', 'gloss-first', 'category-first', 'dynamic']), 'none', {
    group,
    description:
      'How the weights of both losses change over the epochs: they stay alpha and beta; one head begins with most of the weight; or dynamic, category-first after curriculum_warmup epochs with alpha and beta.',
  }),
  curriculum_schedule: setting(choice(['linear', 'cosine', 'exponential']), 'linear', {
    group,
    description: "How a curriculum's weights go over to alpha and beta.",
  }),
  curriculum_epochs: setting(wholeNumber(1, 1_000_000), 10, {
    group,
    description: "Epochs after which a curriculum's weights are alpha and beta.",
  }),
  curriculum_warmup: setting(wholeNumber(0, 1_000_000), 4, {
    group,
    description: 'Epochs with alpha and beta before the curriculum dynamic begins.',
    aliases: ['curriculum_warmup_epochs'],
  }),
  curriculum_min_weight: setting(numberBelow(0, 1), 0.1, {
    group,
    description: 'Share of alpha + beta that the head which comes later begins with.',
  }),
  ...scheduleSettings,
  grad_clip: settingOrNone(positiveNumber(), 'off', {
    group,
    description: 'Largest global norm of the gradient; longer ones are scaled down to it.',
    aliases: ['clip_grad_norm', 'max_grad_norm'],
  }),
  accumulation_steps: setting(wholeNumber(1, 65_536), 1, {
    group,
    description: 'Batches whose gradients are gathered for one step of the optimiser.',
    aliases: ['grad_accum_steps', 'gradient_accumulation_steps'],
  }),
  micro_batch_size: settingOrNone(wholeNumber(1, 65_536), 'the whole batch', {
    group,
    description:
      'Clips that are computed at once. A larger batch is computed in parts whose gradients add up to its own: the same training but for rounding, dropout included, in less memory. A resumed training may change it.',
    aliases: ['micro_batch'],
  }),
  early_stop: settingOrNone(wholeNumber(1, 1_000_000), 'off', {
    group,
    description: 'Epochs without a better validation gloss accuracy after which the training ends.',
    aliases: ['early_stopping_patience', 'early_stop_patience', 'early_stopping'],
  }),
  recover: setting(onOrOff(), false, {
    group,
    description:
      'Where a loss, a gradient or a validation is NaN or infinite, go back to the last saved state and on with half the learning rate; up to three times.',
  }),
  init_from: settingOrNone(text('the path of a model folder or a file of weights'), 'weights drawn from the seed', {
    group,
    description:
      'Begin a new training with the weights of this model alone: the _best.pt of a folder, a .pt of Kumpas or PyTorch, a .safetensors. Its architecture is taken; heads of other classes are begun anew.',
  }),
  ...distillationSettings,
  seed: setting(wholeNumber(0, 2_147_483_647), 42, {
    group,
    description: 'What every random draw is a function of: starting weights, the order of the clips, dropout, the demo set.',
  }),
  deterministic: setting(onOrOff(), false, {
    group,
    description:
      'The same weights bit for bit on machines with other numbers of cores: each operation is divided among four threads, however many cores there are. Further cores are idle meanwhile; on fewer than four a step takes about as long. On a GPU it asks for TensorFlow’s deterministic kernels, without which two runs differ in last bits.',
  }),
  compile_model: setting(onOrOff(), true, {
    group,
    description:
      'Capture each step as a TensorFlow graph that one native call replays. Off (or --eager): operation by operation, several times slower.',
  }),
  amp: setting(onOrOffOr(['force']), false, {
    group,
    description:
      'Mixed precision: matrix products in bfloat16 where this machine was measured to gain by it (once, in half a second; the training says what it found), everything else in float32. force: wherever it runs, also where it loses. A resumed run keeps what it was trained in. Needs compile_model.',
  }),
  tf32: setting(onOrOff(), true, {
    group,
    description:
      'On NVIDIA GPUs from Ampere on: float32 products and convolutions in TensorFloat-32, as TensorFlow does unless told otherwise. Off (--no-tf32): in full float32, slower. Changes nothing on a processor.',
  }),
  cudnn_gru: setting(onOrOff(), true, {
    group,
    description:
      'On NVIDIA GPUs: GRUs by cuDNN’s fused kernels. Off (--no-cudnn-gru): by a loop in the graph, slower. A resumed training may change it. Changes nothing on a processor, nor without compile_model.',
  }),
  enable_parallel: setting(onOrOff(), false, {
    group,
    description: 'Divide each batch among all GPUs of this machine. Needs compile_model; does nothing where there are fewer than two.',
  }),
  tensorboard: setting(onOrOff(), false, {
    group,
    description: "Write the curves for TensorBoard too, into the model folder's tensorboard/ (tensorboard --logdir trained_models).",
  }),
  save_every_minutes: setting(positiveNumber(), 10, {
    group,
    description: 'Minutes after which the last state is saved within a long epoch too. It is always saved at the end of an epoch.',
  }),
} as const;

/** Types of {@link trainingSettings}' values. */
export type TrainingSettings = z.output<z.ZodObject<typeof trainingSettings>>;

/** Only a captured step has products to make bfloat16 of, or operations to place on devices. */
export function checkTrainingSettings({
  amp,
  compile_model,
  enable_parallel,
  curriculum,
  curriculum_min_weight,
  batch_size,
  micro_batch_size,
  ...others
}: Pick<
  TrainingSettings,
  'batch_size' | 'micro_batch_size' | 'amp' | 'compile_model' | 'enable_parallel' | 'curriculum' | 'curriculum_min_weight'
> &
  WeightingSettings &
  OptimizerSettings): SettingProblem[] {
  return [
    ...checkWeighting({ ...others, curriculum, enable_parallel }),
    ...checkCurriculum({ ...others, curriculum, curriculum_min_weight }),
    ...(micro_batch_size !== null && micro_batch_size > batch_size
      ? [{ key: 'micro_batch_size', text: `expected at most the batch size, ${batch_size}, found ${micro_batch_size}` }]
      : []),
    ...(amp !== false && !compile_model ? [{ key: 'amp', text: 'needs the captured step: leave out --eager, or --amp' }] : []),
    ...(enable_parallel && !compile_model
      ? [{ key: 'enable_parallel', text: 'needs the captured step: leave out --eager, or --enable-parallel' }]
      : []),
    ...checkOptimizerSettings(others),
  ];
}

/** The head that comes later in a curriculum gains weight on its way: it ends with more than it begins with. */
function checkCurriculum({
  alpha,
  beta,
  curriculum,
  curriculum_min_weight: least,
}: Pick<TrainingSettings, 'alpha' | 'beta' | 'curriculum' | 'curriculum_min_weight'>): SettingProblem[] {
  const [later, name] = curriculum === 'gloss-first' ? [beta, 'beta'] : [alpha, 'alpha'];
  if (curriculum === 'none' || later >= least * (alpha + beta)) return [];
  const text = `${curriculum} ends with alpha and beta: expected ${name} to be at least the share ${least} of their sum (curriculum_min_weight), found ${later} of ${alpha + beta}`;
  return [{ key: 'curriculum', text }];
}
