import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { resolveSettings } from '../../src/config/resolve';
import type { Batch } from '../../src/data/batch';
import { CapturedProgram } from '../../src/engine/captured/captured-program';
import { EagerProgram } from '../../src/engine/eager-program';
import { valuesNamed } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { elementAt, required } from '../../src/foundation/required';
import { ownModels } from '../../src/models/model-table';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { stepDefinition, stepInputs } from '../../src/training/learner';
import { lossWeightingFor, restoredWeighting } from '../../src/training/loss-weighting';
import { classificationLoss } from '../../src/training/losses';
import { parameterGroups } from '../../src/training/parameter-groups';
import { optimizerFor } from '../../src/engine/optimizers/table';
import { parityFolder, readArrays, relativeDifference, torchFolder } from '../support/parity';
import { parityBatch, tinyArchitecture } from '../support/tiny-transformer';

beforeAll(async () => {
  await startRuntime({ verbose: false });
});

interface Expected {
  readonly steps: readonly { readonly losses: number[]; readonly weights: number[] }[];
  readonly norms: Readonly<Record<string, number>>;
  readonly values: Readonly<Record<string, number[]>>;
}

/** Of PyTorch: made by loss_weighting.py, which lies beside it. */
const { cases, rate } = JSON.parse(readFileSync(path.join(parityFolder, 'loss_weighting.json'), 'utf8')) as {
  readonly cases: Readonly<Record<string, Expected>>;
  readonly rate: number;
};

/** The settings of each case. */
const asked: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  uncertainty: { loss_weighting: 'uncertainty' },
  uncertainty_clipped: { loss_weighting: 'uncertainty', grad_clip: '0.1', weight_decay: '0.1' },
  gradnorm: { loss_weighting: 'gradnorm' },
  gradnorm_accumulated: {
    ...{ loss_weighting: 'gradnorm', accumulation_steps: '2', alpha: '0.7', beta: '0.3' },
    ...{ gradnorm_alpha: '0.5', gradnorm_lr: '0.1' },
  },
};

/** Which clips each step sees, as loss_weighting.py has it: all, the first three, the last three. */
const CLIPS = [
  [0, 6],
  [0, 3],
  [3, 6],
] as const;

function clipsOf(batch: Batch, [first, end]: readonly [number, number]): Batch {
  const size = end - first;
  const part = <Values extends Float32Array | Int32Array>(values: Values, perClip = 1): Values =>
    values.slice(first * perClip, end * perClip) as Values;
  return {
    ...{ ...batch, size, count: size, gloss: part(batch.gloss), category: part(batch.category), weight: part(batch.weight) },
    ...{ features: part(batch.features, batch.frames * batch.width), mask: part(batch.mask, batch.frames) },
  };
}

describe.each([
  ['captured', CapturedProgram],
  ['eager', EagerProgram],
])('five %s steps with weights of the losses that are learnt', (mode, Program) => {
  it.each(Object.keys(asked).filter((name) => mode === 'captured' || name.includes('_')))('are those of PyTorch: %s', async (name) => {
    const expected = required(cases[name], `the case ${name}`);
    const { settings } = resolveSettings({ commandLine: { ...asked[name], dropout: '0' } }, ownModels);
    const model = signTransformer({ ...tinyArchitecture, dropout: 0 });
    const weighting = required(lossWeightingFor(settings, model), 'the weighting');
    const trained = weighting.parameters.flatMap((parameter) => (parameter.trainable ? [parameter.name] : []));
    const definition = stepDefinition(model, classificationLoss(settings), {
      ...{ weighting, optimizer: optimizerFor(settings), groups: parameterGroups(model, settings, trained) },
      clipNorm: settings.grad_clip ?? undefined,
    });
    const { model: weights } = readWeights(path.join(torchFolder, 'tiny_full.pt'));
    const values = new Map([...weights].map(([parameter, tensor]) => [parameter, tensor.values] as const));
    const program = new Program(definition, new Map([...values, ...restoredWeighting(weighting)]));
    const batch = parityBatch(await readArrays(path.join(parityFolder, 'transformer_training.npz')));
    /** The mean loss of each head over the parts that an update gathers. */
    const update = (parts: readonly (readonly [number, number])[]): number[] => {
      const means = parts.map((clips, place) => {
        const part = clipsOf(batch, clips);
        const inputs = stepInputs(part, { lossWeights: { alpha: 1, beta: 1 }, packPadding: true, randomSeed: [0, 0] });
        const request = { gradientScale: 1 / parts.length, apply: place + 1 === parts.length };
        const { outputs } = program.trainStep({ ...inputs, ...weighting.inputsOf(request) }, { learningRate: rate, ...request });
        return ['gloss_losses', 'category_losses'].map((losses) => meanOf(valuesNamed(outputs, losses)));
      });
      return [0, 1].map((head) => meanOf(means.map((losses) => elementAt(losses, head))));
    };
    for (const [place, { losses, weights: counted }] of expected.steps.entries()) {
      const found = update(settings.accumulation_steps === 1 ? [elementAt(CLIPS, place % 3)] : CLIPS.slice(1));
      const { alpha, beta } = weighting.weightsAmong(program.readParameters());
      expect({ place, close: relativeDifference(found, losses) < 1e-5 }).toEqual({ place, close: true });
      expect({ place, close: relativeDifference([alpha, beta], counted) < 1e-5 }).toEqual({ place, close: true });
    }
    const after = program.readParameters();
    const valuesOf = (parameter: string): Float32Array => required(after.get(parameter), parameter);
    for (const [parameter, norm] of Object.entries(expected.norms)) {
      const close = relativeDifference([Math.hypot(...valuesOf(parameter))], [norm]) < 1e-5;
      expect({ parameter, close }).toEqual({ parameter, close: true });
    }
    for (const [parameter, kept] of Object.entries(expected.values)) {
      const close = relativeDifference(valuesOf(parameter), kept) < 1e-4;
      expect({ parameter, close }).toEqual({ parameter, close: true });
    }
    program.dispose();
  });
});

function meanOf(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}
