import type { Batch } from '../data/batch';
import { noDropout, seededDropout } from '../engine/dropout';
import { tensorNamed, type NamedArrays, type NamedTensors } from '../engine/parameters';
import type { Optimizer } from '../engine/optimizers/optimizer';
import type { ProgramDefinition } from '../engine/program';
import { tf } from '../engine/tensorflow';
import { featureInputs, modelInputs, packedInputs } from '../evaluation/load-model';
import type { Model } from '../models/model';
import type { ClassificationLoss } from './losses';

/** How much each head's loss counts. */
export interface LossWeights {
  readonly alpha: number;
  readonly beta: number;
}

/** What a training computes for any model: the weighted loss of both heads, and for evaluation the logits and losses of every clip. */
export function stepDefinition(
  model: Model,
  loss: ClassificationLoss,
  { optimizer, clipNorm }: { readonly optimizer: Optimizer; readonly clipNorm?: number | undefined },
): ProgramDefinition {
  const lossOfClips = (inputs: NamedTensors, glossLogits: tf.Tensor, categoryLogits: tf.Tensor): tf.Tensor => {
    const lossWeights = tensorNamed(inputs, 'loss_weights');
    const glossLoss = tf.mul(loss(glossLogits, tensorNamed(inputs, 'gloss')), tf.slice(lossWeights, [0], [1]));
    const categoryLoss = tf.mul(loss(categoryLogits, tensorNamed(inputs, 'category')), tf.slice(lossWeights, [1], [1]));
    return tf.add(glossLoss, categoryLoss);
  };
  return {
    parameters: model.parameters,
    optimizer,
    clipNorm,
    division: { perExample: ['features', 'mask', 'gloss', 'category', 'weight'], seed: 'random_seed' },
    train: (parameters, inputs) => {
      const dropout = seededDropout(tensorNamed(inputs, 'random_seed'));
      const increments: Record<string, tf.Tensor> = {};
      const addToBuffer = (name: string, amount: tf.Tensor): void => {
        increments[name] = amount;
      };
      const { glossLogits, categoryLogits } = model.forward(parameters, modelInputs(inputs), { dropout, addToBuffer });
      const weight = tensorNamed(inputs, 'weight');
      const losses = lossOfClips(inputs, glossLogits, categoryLogits);
      return {
        loss: tf.sum(tf.mul(losses, weight)),
        outputs: { gloss_logits: glossLogits, category_logits: categoryLogits },
        increments,
      };
    },
    evaluate: (parameters, inputs) => {
      const { glossLogits, categoryLogits } = model.forward(parameters, modelInputs(inputs), { dropout: noDropout });
      return { gloss_logits: glossLogits, category_logits: categoryLogits, losses: lossOfClips(inputs, glossLogits, categoryLogits) };
    },
  };
}

/** What a step is given beside its batch. */
export interface StepOptions {
  readonly lossWeights: LossWeights;
  /** Whether padding is left out where that saves much: not where the batch is divided, as the packed frames are of all of it. */
  readonly packPadding: boolean;
  readonly randomSeed: readonly [seed: number, step: number];
}

/** A batch as the inputs that {@link stepDefinition} takes. The clips' weights add up to 1, so the loss is a mean over the clips that count. */
export function stepInputs(batch: Batch, { lossWeights: { alpha, beta }, packPadding, randomSeed }: StepOptions): NamedArrays {
  const { size } = batch;
  return {
    ...featureInputs(batch),
    ...(packPadding ? packedInputs(batch) : {}),
    gloss: { shape: [size], values: batch.gloss },
    category: { shape: [size], values: batch.category },
    weight: { shape: [size], values: batch.weight.map((weight) => weight / batch.count) },
    loss_weights: { shape: [2], values: Float32Array.of(alpha, beta) },
    random_seed: { shape: [2], values: Int32Array.from(randomSeed) },
  };
}
