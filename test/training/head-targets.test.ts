import { beforeAll, describe, expect, it } from '@jest/globals';
import type { TrainingSettings } from '../../src/config/training-settings';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { meanCorrection, meanCorrections } from '../../src/training/class-weights';
import { lossOfHead, taughtInputs, type Distillation } from '../../src/training/head-targets';
import { classificationLoss } from '../../src/training/losses';
import { meanOf, softenedProbabilities } from '../../src/training/teacher';
import { relativeDifference } from '../support/parity';

beforeAll(async () => {
  await startRuntime();
});

const logits = [
  [0.4, -1.2, 2],
  [1.5, 0.3, -0.7],
  [-0.2, 0.9, 0.1],
];
const own = [2, 0, 1];
const others = [0, 1, 1];
const share = [0.75, 0.6, 1];
const classWeights = [0.5, 2, 1.25];

/** The losses of the clips in a head, and the gradient of their sum. */
function inHead(
  loss: TrainingSettings['loss'],
  further: Record<string, tf.Tensor>,
  distillation?: Distillation,
): { losses: number[]; gradient: number[] } {
  const compute = classificationLoss({ loss, focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 });
  return tf.tidy(() => {
    const inputs = { gloss: tf.tensor1d(own, 'int32'), ...further };
    const losses = (given: tf.Tensor): tf.Tensor => lossOfHead('gloss', given, inputs, { loss: compute, distillation });
    const { grads } = tf.valueAndGrads((given: tf.Tensor) => tf.sum(losses(given)))([tf.tensor2d(logits)]);
    return { losses: [...losses(tf.tensor2d(logits)).dataSync()], gradient: [...(grads[0]?.dataSync() ?? [])] };
  });
}

describe('the loss of clips that are mixed with others', () => {
  const mixed = (): Record<string, tf.Tensor> => ({ mixed_gloss: tf.tensor1d(others, 'int32'), own_share: tf.tensor1d(share) });

  /** Computed by PyTorch 2.15 in float64, as `share · loss(own) + (1 − share) · loss(others)`, without reduction. */
  const ofPyTorch = {
    ce: {
      losses: [0.6172532148727446, 0.8250052766575144, 0.5778485830258508],
      gradient: [
        -0.08752858735494506, 0.03280241248670941, 0.05472617486823561, 0.10821661644140956, -0.18668925434780337, 0.07847263790639376,
        0.1867753758093136, -0.4388957618838335, 0.2521203860745199,
      ],
    },
    label_smoothing: {
      losses: [0.7372532148727446, 0.8903386099908479, 0.6411819163591842],
      gradient: [
        -0.09586192068827838, -0.000530920846623919, 0.0963928415349023, 0.1348832831080762, -0.18002258768113666, 0.04513930457306044,
        0.15344204247598028, -0.37222909521716685, 0.2187870527411866,
      ],
    },
    focal: {
      losses: [0.32489314829916216, 0.4000928766127997, 0.11131067772968607],
      gradient: [
        -0.23745816821869167, 0.01242597029436844, 0.2250321979243232, 0.2823458607632374, -0.3287702869477795, 0.04642442618454201,
        0.08913644175343932, -0.20945805273030477, 0.12032161097686547,
      ],
    },
  } as const;

  it.each(['ce', 'label_smoothing', 'focal'] as const)('is PyTorch’s, and its gradient: %s', (loss) => {
    const found = inHead(loss, mixed());
    expect(relativeDifference(found.losses, ofPyTorch[loss].losses)).toBeLessThan(1e-6);
    expect(relativeDifference(found.gradient, ofPyTorch[loss].gradient)).toBeLessThan(1e-6);
  });

  it('is PyTorch’s where classes have weights, and is divided by the sum of those of both labels', () => {
    const found = inHead('ce', { ...mixed(), gloss_class_weights: tf.tensor1d(classWeights) });
    expect(relativeDifference(found.losses, [0.43083154080229125, 1.339505804323266, 1.1556971660517017])).toBeLessThan(1e-6);
    const weights = Float32Array.from(classWeights);
    expect(meanCorrection(weights, own, { targets: others, share })).toBeCloseTo(0.7207207207207208, 7);
    expect(meanCorrection(weights, own, { targets: others, share: [1, 1, 1] })).toBe(meanCorrection(weights, own));
  });
});

describe('the loss with teachers', () => {
  const distillation = { weight: 0.3, temperature: 2 };
  const teachers = [
    [2, 0.5, -1, 0.1, 0.2, 0.3, -3, 4, 0],
    [1, 1.5, 0, 0.9, -0.2, 0.3, 0, 2, 5],
  ];
  const said = teachers.map((given) => softenedProbabilities(given, 3, distillation.temperature));
  const taught = (probabilities: Float32Array, scale = 1): Record<string, tf.Tensor> => ({
    taught_gloss: tf.tensor2d(probabilities, [3, 3]),
    taught_scale: tf.tensor1d([scale, scale]),
  });

  /** Computed by PyTorch 2.15 in float64: `(1 − w) · cross_entropy + w · T² · kl_div(log_softmax(z / T), softmax(t / T))`; of two teachers, of the mean of their softmax. */
  const ofPyTorch = [
    {
      losses: [0.7338231274107291, 0.3847422329506816, 0.8776829140640807],
      gradient: [
        -0.0768775228731685, -0.07083629662348709, 0.14771381949665557, -0.07547228119191504, 0.12448010174848011, -0.049007820556565086,
        0.2692377649371959, -0.555022487345165, 0.28578472240796915,
      ],
    },
    {
      losses: [0.666982170275317, 0.33958001922660874, 0.6077170679075968],
      gradient: [
        -0.0037244822228356678, -0.12052028361310485, 0.12424476583594041, -0.10986342671074385, 0.1497193977085898, -0.03985597099784587,
        0.2581433573786561, -0.3489152782219649, 0.09077192084330885,
      ],
    },
  ];

  it.each([1, 2])('is PyTorch’s, and its gradient: %d of them', (count) => {
    const expected = ofPyTorch[count - 1] ?? { losses: [], gradient: [] };
    const found = inHead('ce', taught(meanOf(said.slice(0, count))), distillation);
    expect(relativeDifference(found.losses, expected.losses)).toBeLessThan(1e-6);
    expect(relativeDifference(found.gradient, expected.gradient)).toBeLessThan(1e-6);
  });

  it('is PyTorch’s mean where classes have weights: what teachers say has none', () => {
    const weights = { gloss: Float32Array.from(classWeights), category: Float32Array.of(1) };
    const corrections = meanCorrections(weights, { gloss: own, category: [0, 0, 0] });
    const scale = taughtInputs(
      { size: 3, taught: { gloss: meanOf(said.slice(0, 1)), category: new Float32Array(3) } } as Parameters<typeof taughtInputs>[0],
      corrections,
    )['taught_scale']?.values[0];
    const further = { ...taught(meanOf(said.slice(0, 1)), scale), gloss_class_weights: tf.tensor1d(classWeights) };
    const { losses, gradient } = inHead('ce', further, distillation);
    const mean = (values: readonly number[]): number => (corrections.gloss * values.reduce((sum, value) => sum + value, 0)) / 3;
    expect(mean(losses)).toBeCloseTo(0.698014154366731, 6);
    const expected = [
      -0.02562584095772282, -0.023612098874495696, 0.049237939832218504, 0.015692246634230963, 0.011629862858185843, -0.02732210949241682,
      0.11589447425903587, -0.2464529024454583, 0.1305584281864225,
    ];
    expect(
      relativeDifference(
        gradient.map((value) => (value * corrections.gloss) / 3),
        expected,
      ),
    ).toBeLessThan(1e-6);
  });

  it('is that of the labels alone where nobody says anything, as in a validation', () => {
    expect(inHead('ce', {}, distillation)).toEqual(inHead('ce', {}));
  });
});
