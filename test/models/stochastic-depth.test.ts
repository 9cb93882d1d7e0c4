import { beforeAll, describe, expect, it } from '@jest/globals';
import { resolveSettings } from '../../src/config/resolve';
import { EagerProgram } from '../../src/engine/eager-program';
import { noDropout, seededDropout } from '../../src/engine/dropout';
import { initialiseParameters, type NamedTensors } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { inScope, tf } from '../../src/engine/tensorflow';
import { elementAt } from '../../src/foundation/required';
import { RandomStream } from '../../src/foundation/random';
import { encoderLayer, encoderLayerParameters } from '../../src/models/layers/encoder';
import { FrameRows } from '../../src/models/layers/frame-rows';
import { ownModels } from '../../src/models/model-table';
import { classificationLoss } from '../../src/training/losses';
import { stepDefinition } from '../../src/training/learner';
import { drawnInputs, tinyTraining } from '../support/captured';
import { relativeDistance } from '../support/parity';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { tinyArchitecture, updateRule } from '../support/tiny-transformer';

beforeAll(async () => {
  await startRuntime();
});

const [clips, frames, width] = [8, 3, 4];

/** A layer whose feed-forward half gives 0: what it adds to its input is the attention alone. */
function attentionOnly(): NamedTensors {
  const declarations = encoderLayerParameters('layer', width, 6);
  const values = initialiseParameters(declarations, new RandomStream(3));
  return Object.fromEntries(
    declarations.map(({ name, shape }) => [
      name,
      name.includes('linear2') ? tf.zeros([...shape]) : tf.tensor(values.get(name) ?? [], [...shape]),
    ]),
  );
}

/** What the layer adds to its input, `[clips, frames · width]`, with halves of it left out for this share of the clips. */
function addedBy(layerDrop: number, step: number): number[][] {
  return inScope(() => {
    const x = tf.tensor(
      Float32Array.from({ length: clips * frames * width }, (_, place) => Math.sin(place)),
      [clips * frames, width],
    );
    const rows = FrameRows.of({ mask: tf.ones([clips, frames]) });
    const dropout = layerDrop === 0 ? noDropout : seededDropout(tf.tensor1d([1, step, 0], 'int32'));
    const pass = { parameters: attentionOnly(), frames: rows, heads: 2, dropout: 0, layerDrop, context: { dropout } };
    const added = tf.sub(encoderLayer(pass, 'layer', x), x);
    return tf.reshape(added, [clips, frames * width]).arraySync() as number[][];
  });
}

describe('stochastic depth', () => {
  const whole = addedByLater(0, 0);

  it('leaves a half of a layer out for whole clips, and lets it count more for the others', () => {
    const factors = addedBy(0.25, 1).map((added, clip) => elementAt(added, 0) / elementAt(elementAt(whole(), clip), 0));
    expect(factors.every((factor) => Math.abs(factor) < 1e-4 || Math.abs(factor - 4 / 3) < 1e-4)).toBe(true);
    addedBy(0.25, 1).forEach((added, clip) => {
      const expected = elementAt(whole(), clip).map((value) => value * elementAt(factors, clip));
      expect(added.every((value, place) => Math.abs(value - elementAt(expected, place)) < 1e-4)).toBe(true);
    });
  });

  it('draws otherwise at each step, the same for the same step, and so that the expectation stays', () => {
    expect(addedBy(0.5, 4)).toEqual(addedBy(0.5, 4));
    const steps = 120;
    const kept = Array.from({ length: steps }, (_, step) =>
      addedBy(0.5, step).map((added, clip) => elementAt(added, 0) / elementAt(elementAt(whole(), clip), 0)),
    ).flat();
    const mean = kept.reduce((sum, factor) => sum + factor, 0) / kept.length;
    expect(Math.abs(mean - 1)).toBeLessThan(0.1);
    expect(new Set(kept.map((factor) => Math.round(factor))).size).toBe(2);
  });

  it('changes what a step learns, and nothing of an evaluation', () => {
    const { definition: plain, weights } = tinyTraining({ dropout: 0 });
    const model = signTransformer({ ...tinyArchitecture, dropout: 0 });
    const loss = classificationLoss({ loss: 'ce', focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 });
    const dropping = new EagerProgram(stepDefinition(model, loss, { ...updateRule({}), stochasticDepth: 0.5 }), weights);
    const whole = new EagerProgram(plain, weights);
    const inputs = drawnInputs({ step: 3 });
    expect(dropping.evaluate(inputs)).toEqual(whole.evaluate(inputs));
    const gradient = (program: EagerProgram): Float32Array => program.gradients(inputs).get('embedding.weight') ?? new Float32Array();
    expect(relativeDistance(gradient(dropping), gradient(whole))).toBeGreaterThan(1e-2);
    dropping.dispose();
    whole.dispose();
  });

  it('is refused for a model that has no layers that can be left out', () => {
    const typed = { model: 'iv3_gru', stochastic_depth: '0.1' };
    expect(() => resolveSettings({ commandLine: typed }, ownModels)).toThrow(
      '--stochastic-depth: the model iv3_gru has no layers that can be left out: leave it out',
    );
  });
});

/** {@link addedBy}, once the runtime has started. */
function addedByLater(layerDrop: number, step: number): () => number[][] {
  let added: number[][] | undefined;
  return () => (added ??= addedBy(layerDrop, step));
}
