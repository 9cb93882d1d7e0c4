import { beforeAll, describe, expect, it } from '@jest/globals';
import { graphFunction } from '../../src/engine/graph-function';
import { addBias } from '../../src/engine/linear-and-norm';
import { sizeOfShape } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { elementAt, required } from '../../src/foundation/required';
import { RandomStream } from '../../src/foundation/random';
import { BACKBONE_PREFIX, backboneParameters } from '../../src/models/inception/backbone';
import { foldBackbone, fusedRelu } from '../../src/models/inception/backbone-features';

beforeAll(async () => {
  await startRuntime();
});

describe('a frozen backbone', () => {
  it('takes pixels as they are: what scales them is within its first convolution', () => {
    const weights = new Map(
      backboneParameters(false, undefined).map(({ name, shape }) => [name, new Float32Array(sizeOfShape(shape)).fill(1)]),
    );
    const kernel = required(weights.get(`${BACKBONE_PREFIX}Conv2d_1a_3x3.conv.weight`), 'the first kernel');
    const random = new RandomStream(2);
    kernel.forEach((_, place) => (kernel[place] = random.normal(0, 0.1)));
    const pixels = Array.from({ length: 9 }, () => [random.below(256), random.below(256), random.below(256)]);
    const normalised = {
      true: (value: number): number => (value / 255 - 0.5) / 0.5,
      false: (value: number, channel: number): number =>
        (value / 255 - elementAt([0.485, 0.456, 0.406], channel)) / elementAt([0.229, 0.224, 0.225], channel),
    };
    for (const transformInput of [true, false]) {
      const folded = foldBackbone(weights, transformInput);
      const [turned, bias] = ['kernel', 'bias'].map((part) => required(folded.get(`Conv2d_1a_3x3.${part}`), part));
      for (const output of [0, 17, 31]) {
        let [expected, found] = [1 - 1 / Math.sqrt(1 + 1e-3), elementAt(required(bias, 'the bias'), output)];
        pixels.forEach((pixel, place) => {
          pixel.forEach((value, channel) => {
            const weight = elementAt(kernel, (output * 3 + channel) * 9 + place) / Math.sqrt(1 + 1e-3);
            expected += weight * normalised[`${transformInput}`](value, channel);
            found += elementAt(required(turned, 'the kernel'), (place * 3 + channel) * 32 + output) * value;
          });
        });
        expect(found).toBeCloseTo(expected, 5);
      }
    }
  });

  it('hands NaN on where its relu is fused with the convolution before it, so that weights that are too large are seen', () => {
    const activated = graphFunction((x: tf.Tensor4D, kernel: tf.Tensor4D, bias: tf.Tensor1D) =>
      fusedRelu(addBias(tf.conv2d(x, kernel, 1, 'same'), bias)),
    );
    const kernel = { shape: [1, 1, 8, 8], values: Float32Array.from({ length: 64 }, (_, place) => (place % 9 === 0 ? 1 : 0)) };
    const x = { shape: [1, 2, 2, 8], values: Float32Array.from({ length: 32 }, (_, place) => (place === 5 ? NaN : place - 16)) };
    const { values } = activated.arrays(x, kernel, { shape: [8], values: new Float32Array(8) });
    expect(Number.isNaN(elementAt(values, 5))).toBe(true);
    expect(Array.from(values.subarray(8)).map((value) => Math.fround(value))).toEqual(
      Array.from({ length: 24 }, (_, place) => (place < 8 ? expect.closeTo(0, 20) : place - 8)),
    );
  });
});
