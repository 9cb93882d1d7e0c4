import { beforeAll, describe, expect, it } from '@jest/globals';
import { withFusedEncoder } from '../../src/engine/captured/fused-encoder';
import { inputTypesOf, recordEvaluation } from '../../src/engine/captured/recorded-program';
import { createProgram } from '../../src/engine/create-program';
import { hasOwnKernels } from '../../src/engine/native-backend';
import { initialiseParameters, type NamedArrays, valuesNamed } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { inferenceDefinition } from '../../src/evaluation/loaded-model';
import { RandomStream } from '../../src/foundation/random';
import type { PoolingMethod } from '../../src/models/layers/frame-rows';
import type { Model } from '../../src/models/model';
import { signTransformer } from '../../src/models/transformer/sign-transformer';

/** Sizes that are no multiples of a tile, and clips that go through the feed-forward part in two rounds. */
const [FRAMES, WIDTH] = [67, 13];

function model(pooling: PoolingMethod): Model {
  const sizes = { input_dim: WIDTH, emb_dim: 36, n_heads: 4, n_layers: 2, ff_dim: 70, num_gloss: 5, num_cat: 3 };
  return signTransformer({ ...sizes, dropout: 0.1, max_len: 80, pooling_method: pooling });
}

/** Clips of 20 frames and more, padded to 67. @param packed whether the rows are those of the clips alone, and one more that fills up. */
function clips(count: number, packed: boolean): NamedArrays {
  const random = new RandomStream(5);
  const lengths = Array.from({ length: count }, (_, clip) => (clip === 0 ? FRAMES : 20 + random.below(FRAMES - 20)));
  const mask = new Float32Array(count * FRAMES);
  lengths.forEach((length, clip) => mask.fill(1, clip * FRAMES, clip * FRAMES + length));
  const values = Float32Array.from({ length: count * FRAMES * WIDTH }, () => random.normal(0, 1));
  const inputs = { features: { shape: [count, FRAMES, WIDTH], values }, mask: { shape: [count, FRAMES], values: mask } };
  if (!packed) return inputs;
  const places = Int32Array.from(mask.keys()).filter((place) => mask[place] === 1);
  const rows = new Int32Array(mask.length);
  places.forEach((place, row) => (rows[place] = row));
  const positions = Int32Array.of(...places, mask.indexOf(0));
  return {
    ...inputs,
    packed_positions: { shape: [positions.length], values: positions },
    packed_rows: { shape: [rows.length], values: rows },
  };
}

/** The own kernels of layers that an evaluation consists of. */
function kernels(pooling: PoolingMethod, inputs: NamedArrays): string[] {
  const recording = recordEvaluation(inferenceDefinition(model(pooling)), inputTypesOf(inputs));
  const names = withFusedEncoder(recording).operations.map(({ name }) => name);
  return names.filter((name) => /^Kumpas(EncoderLayer|FeedForward|Attention)/.test(name));
}

function logits(mode: 'captured' | 'eager', pooling: PoolingMethod, inputs: NamedArrays): Float32Array {
  const definition = inferenceDefinition(model(pooling));
  const program = createProgram(definition, initialiseParameters(definition.parameters, new RandomStream(3)), { mode });
  const values = Float32Array.from(valuesNamed(program.evaluate(inputs), 'gloss_logits'));
  program.dispose();
  return values;
}

describe('an encoder that is evaluated', () => {
  beforeAll(async () => {
    await startRuntime();
  });

  const withKernels = (name: string, test: () => void): void => {
    it(name, () => {
      if (hasOwnKernels()) test();
    });
  };

  withKernels('is a kernel a layer, which sums the last one up where only the mean is taken', () => {
    for (const packed of [true, false]) {
      expect(kernels('mean', clips(17, packed))).toEqual(['KumpasEncoderLayer', 'KumpasEncoderLayerSum']);
      expect(kernels('max', clips(17, packed))).toEqual(['KumpasEncoderLayer', 'KumpasEncoderLayer']);
      expect(kernels('cls', clips(17, packed))).toEqual(['KumpasEncoderLayer', 'KumpasEncoderLayer']);
    }
    expect(kernels('mean', clips(8, true))).not.toContain('KumpasEncoderLayer');
  });

  withKernels('gives what it gives operation by operation', () => {
    for (const pooling of ['mean', 'max', 'cls'] as const) {
      const eager = logits('eager', pooling, clips(17, false));
      for (const packed of [true, false]) {
        const fused = logits('captured', pooling, clips(17, packed));
        for (const [place, value] of eager.entries()) expect(Math.abs(value - (fused[place] ?? NaN))).toBeLessThan(1e-5);
      }
    }
  });

  withKernels('hands NaN on, to that clip alone', () => {
    const inputs = clips(17, true);
    const { features } = inputs;
    if (features !== undefined) features.values[2 * FRAMES * WIDTH] = NaN;
    const values = logits('captured', 'mean', inputs);
    expect([...values].flatMap((value, place) => (Number.isNaN(value) ? [Math.floor(place / 5)] : []))).toEqual([2, 2, 2, 2, 2]);
  });
});
