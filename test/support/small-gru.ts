import path from 'node:path';
import type { Batch } from '../../src/data/batch';
import { adam } from '../../src/engine/optimizers/adam';
import type { ParameterValues } from '../../src/engine/parameters';
import type { ProgramDefinition } from '../../src/engine/program';
import { inceptionGru } from '../../src/models/inception/inception-gru';
import { crossEntropy } from '../../src/training/losses';
import { stepDefinition } from '../../src/training/learner';
import { arrayNamed, torchFolder } from './parity';
import { readWeightValues } from './torch-weights';

/** The training of the fixtures' InceptionV3GRU on features, and its weights. */
export function gruTraining(dropout = 0): { definition: ProgramDefinition; weights: ParameterValues } {
  const model = inceptionGru({ hidden1: 16, hidden2: 12, dropout, num_gloss: 7, num_cat: 3, max_len: 300, backbone: undefined });
  return {
    definition: stepDefinition(model, crossEntropy, { optimizer: adam() }),
    weights: readWeightValues(path.join(torchFolder, 'iv3_gru_features_only.pt')),
  };
}

/** The batch of `iv3_gru_features.npz`. */
export function gruBatch(arrays: ReadonlyMap<string, Float32Array>): Batch {
  const [size, frames] = [6, 24];
  const lengths = arrayNamed(arrays, 'lengths');
  return {
    size,
    count: size,
    frames,
    width: 2048,
    features: arrayNamed(arrays, 'X'),
    mask: Float32Array.from({ length: size * frames }, (_, place) => (place % frames < (lengths[Math.floor(place / frames)] ?? 0) ? 1 : 0)),
    gloss: Int32Array.from(arrayNamed(arrays, 'gloss_labels')),
    category: Int32Array.from(arrayNamed(arrays, 'cat_labels')),
    weight: new Float32Array(size).fill(1),
    indices: [0, 1, 2, 3, 4, 5],
  };
}
