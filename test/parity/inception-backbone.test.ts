import { beforeAll, describe, expect } from '@jest/globals';
import { noDropout } from '../../src/engine/dropout';
import { EagerProgram } from '../../src/engine/eager-program';
import { valuesNamed } from '../../src/engine/named-tensors';
import { startRuntime } from '../../src/engine/runtime';
import { loadModel } from '../../src/evaluation/load-model';
import { PictureFeatures } from '../../src/evaluation/frame-features/encode-pictures';
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
      const { model, weights } = loadModel(file, { transform_input: false });
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
});
