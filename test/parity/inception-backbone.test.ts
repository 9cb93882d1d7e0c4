import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect } from '@jest/globals';
import { formatNpz } from '../../src/data/npz';
import { noDropout } from '../../src/engine/dropout';
import { EagerProgram } from '../../src/engine/eager-program';
import { valuesNamed } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { PictureFeatures, clipFeatures } from '../../src/evaluation/frame-features/picture-features';
import { softmax } from '../../src/evaluation/metrics';
import { predictClips } from '../../src/evaluation/predict-clips';
import { inTemporaryFolder } from '../support/clip-files';
import { arrayNamed, readArrays, relativeDifference } from '../support/parity';
import { itWithShared, sharedPath } from '../support/shared';

beforeAll(async () => {
  await startRuntime();
});

/** From `[pictures, 3, side, side]` to `[pictures, side, side, 3]`. */
function channelsLast(pixels: Float32Array, pictures: number, places: number): Uint8Array {
  return Uint8Array.from({ length: pixels.length }, (_, place) => {
    const [picture, at, channel] = [Math.floor(place / (3 * places)), Math.floor(place / 3) % places, place % 3];
    return pixels[(picture * 3 + channel) * places + at] ?? 0;
  }).subarray(0, pictures * places * 3);
}

describe('torchvision’s InceptionV3', () => {
  itWithShared(
    'fixtures/torch/iv3_gru_full.pt',
    'gives PyTorch’s features of three frames, and the GRUs behind it PyTorch’s logits',
    async (file) => {
      const expected = await readArrays(sharedPath('fixtures/parity/iv3_gru_full.npz') ?? '');
      const { model, weights } = modelOfFile(file, { transform_input: false });
      const encoder = model.pictureEncoder;
      if (encoder === undefined) throw new Error('the checkpoint holds a backbone');
      const pictures = new PictureFeatures(encoder, weights, { mode: 'captured' });
      const features = pictures.encode(channelsLast(arrayNamed(expected, 'frames_u8'), 3, 299 * 299));
      pictures.dispose();
      expect(relativeDifference(features, arrayNamed(expected, 'features'))).toBeLessThan(1e-3);

      const program = new EagerProgram(
        {
          parameters: model.parameters,
          evaluate: (parameters, inputs) => {
            const { features: given, mask } = inputs;
            if (!given || !mask) throw new Error('given');
            const { glossLogits, categoryLogits } = model.forward(parameters, { features: given, mask }, { dropout: noDropout });
            return { gloss: glossLogits, category: categoryLogits };
          },
        },
        weights,
      );
      const outputs = program.evaluate({
        features: { shape: [1, 3, 2048], values: features },
        mask: { shape: [1, 3], values: new Float32Array(3).fill(1) },
      });
      expect(relativeDifference(valuesNamed(outputs, 'gloss'), arrayNamed(expected, 'gloss'))).toBeLessThan(1e-3);
      expect(relativeDifference(valuesNamed(outputs, 'category'), arrayNamed(expected, 'cat'))).toBeLessThan(1e-3);
      program.dispose();
    },
    120_000,
  );

  itWithShared(
    'fixtures/torch/iv3_gru_full.pt',
    'predicts a clip of pictures as PyTorch does',
    async (file) => {
      const expected = await readArrays(sharedPath('fixtures/parity/iv3_gru_full.npz') ?? '');
      const loaded = modelOfFile(file, { transform_input: false });
      await inTemporaryFolder(async (folder) => {
        const clip = path.join(folder, 'clip.npz');
        const values = channelsLast(arrayNamed(expected, 'frames_u8'), 3, 299 * 299);
        writeFileSync(clip, formatNpz({ frames: { dtype: 'uint8', shape: [3, 299, 299, 3], values } }));
        const { read, dispose } = clipFeatures(loaded, 'frames');
        const [prediction] = await predictClips(loaded, [clip], { key: 'frames', read, topK: 0 });
        dispose();
        for (const [head, logits] of [['gloss', 'gloss'] as const, ['category', 'cat'] as const]) {
          const probabilities = softmax(arrayNamed(expected, logits));
          expect(prediction?.[head]).toHaveLength(probabilities.length);
          for (const { id, probability } of prediction?.[head] ?? []) expect(probability).toBeCloseTo(probabilities[id] ?? NaN, 4);
        }
      });
    },
    120_000,
  );
});
