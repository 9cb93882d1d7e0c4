import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Batch } from '../../src/data/batch';
import { CapturedProgram } from '../../src/engine/captured/captured-program';
import { EagerProgram } from '../../src/engine/eager-program';
import { sgd } from '../../src/engine/optimizers/sgd';
import { type ParameterDeclaration, tensorNamed, valuesNamed } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import type { Model } from '../../src/models/model';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { balancedWeights, classWeightsFor, effectiveWeights, meanCorrection, type ClassWeights } from '../../src/training/class-weights';
import { stepDefinition, stepInputs } from '../../src/training/learner';
import { classificationLoss, type LossSettings } from '../../src/training/losses';
import { relativeDifference } from '../support/parity';
import { tinyArchitecture } from '../support/tiny-transformer';

beforeAll(async () => {
  await startRuntime();
});

/**
 * What PyTorch 2.15 computed, with
 *
 * ```python
 * x = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7], [-0.4, 0.8, 0.1], [0.9, -0.2, 0.6], [-1.2, 0.4, 1.1]])
 * gloss, category = torch.tensor([0, 2, 0, 1, 2]), torch.tensor([1, 0, 1, 1, 0])
 * n_gloss, n_category = torch.tensor([3000.0, 300.0, 20.0]), torch.tensor([2500.0, 820.0])
 * balanced = lambda n: n.sum() / (len(n) * n)
 * def effective(n):
 *     w = (1 - 0.999) / (1 - 0.999 ** n.double())
 *     return (w / w.sum() * len(n)).float()
 * def focal(logits, y, w):
 *     nll = cross_entropy(logits, y, reduction='none')
 *     return ((1 - torch.exp(-nll)) ** 2 * nll * w[y]).sum() / w[y].sum()
 * kinds = {
 *     'ce': lambda l, y, w: cross_entropy(l, y, weight=w),
 *     'focal': focal,
 *     'label_smoothing': lambda l, y, w: cross_entropy(l, y, weight=w, label_smoothing=0.1),
 * }
 * for kind, loss in kinds.items():
 *     for weights in (balanced, effective):
 *         g = torch.tensor([[0.2, -0.1, 0.4], [-0.3, 0.5, 0.1], [0.6, 0.2, -0.5]], requires_grad=True)
 *         c = torch.tensor([[0.1, 0.7, -0.2], [-0.6, 0.3, 0.5]], requires_grad=True)
 *         sgd, losses, first = torch.optim.SGD([g, c], lr=0.5), [], None
 *         for _ in range(3):
 *             sgd.zero_grad()
 *             total = 0.7 * loss(x @ g.T, gloss, weights(n_gloss)) + 0.3 * loss(x @ c.T, category, weights(n_category))
 *             total.backward()
 *             first = first or [p.grad.flatten().tolist() for p in (g, c)]
 *             losses.append(total.item())
 *             sgd.step()
 *         print(kind, weights, losses, first)
 * ```
 */
const figures: {
  loss: LossSettings['loss'];
  weights: 'balanced' | 'effective';
  losses: number[];
  gloss: number[];
  category: number[];
}[] = [
  {
    loss: 'ce',
    weights: 'balanced',
    losses: [1.1649476, 1.0584375, 0.9820142],
    gloss: [-0.0360175, 0.0618861, 0.0878328, -0.1814505, 0.0936475, 0.1708128, 0.2174679, -0.1555336, -0.2586456],
    category: [0.0506637, -0.0020091, 0.0404672, -0.0506637, 0.0020091, -0.0404672],
  },
  {
    loss: 'ce',
    weights: 'effective',
    losses: [1.1723465, 1.069669, 0.995707],
    gloss: [-0.0333431, 0.0589994, 0.0841577, -0.1809997, 0.0935167, 0.1680315, 0.2143428, -0.1525161, -0.2521891],
    category: [0.058568, -0.009191, 0.0194555, -0.058568, 0.009191, -0.0194555],
  },
  {
    loss: 'focal',
    weights: 'balanced',
    losses: [0.7745308, 0.5307638, 0.408233],
    gloss: [-0.1339588, 0.0574639, 0.1499015, -0.2830225, 0.1019369, 0.2379237, 0.4169812, -0.1594008, -0.3878251],
    category: [0.0474889, 0.0011724, -0.0049209, -0.0474889, -0.0011724, 0.0049209],
  },
  {
    loss: 'focal',
    weights: 'effective',
    losses: [0.7822369, 0.5439761, 0.4210629],
    gloss: [-0.1287226, 0.0533828, 0.1472688, -0.281454, 0.1024927, 0.2324743, 0.4101765, -0.1558755, -0.3797431],
    category: [0.0635274, -0.0066293, -0.024935, -0.0635274, 0.0066293, 0.024935],
  },
  {
    loss: 'label_smoothing',
    weights: 'balanced',
    losses: [1.1590645, 1.0594878, 0.9859025],
    gloss: [-0.0262207, 0.0506871, 0.1027018, -0.1692653, 0.0894443, 0.1640565, 0.195486, -0.1401314, -0.2667582],
    category: [0.051528, 0.0001069, 0.0342623, -0.051528, -0.0001069, -0.0342622],
  },
  {
    loss: 'label_smoothing',
    weights: 'effective',
    losses: [1.167611, 1.0715909, 1.0004445],
    gloss: [-0.0239906, 0.0480231, 0.0990071, -0.1690009, 0.0893194, 0.1613117, 0.1929915, -0.1373426, -0.2603187],
    category: [0.0579596, -0.0064868, 0.0129053, -0.0579596, 0.0064867, -0.0129053],
  },
];

const counts = { gloss: [3000, 300, 20], category: [2500, 820] };
const targets = { gloss: [0, 2, 0, 1, 2], category: [1, 0, 1, 1, 0] };
const clips = [
  [0.5, -1, 2],
  [1.5, 0.3, -0.7],
  [-0.4, 0.8, 0.1],
  [0.9, -0.2, 0.6],
  [-1.2, 0.4, 1.1],
];
const weights = new Map([
  ['gloss', Float32Array.of(0.2, -0.1, 0.4, -0.3, 0.5, 0.1, 0.6, 0.2, -0.5)],
  ['category', Float32Array.of(0.1, 0.7, -0.2, -0.6, 0.3, 0.5)],
]);

/** A batch of some of the clips, and of as many empty rows as it takes to make six. */
function batchOf(rows: readonly number[]): Batch {
  const size = 6;
  const perRow = <T extends Float32Array | Int32Array>(array: T, valueOf: (clip: number) => number): T => {
    rows.forEach((clip, row) => (array[row] = valueOf(clip)));
    return array;
  };
  const features = new Float32Array(size * 3);
  rows.forEach((clip, row) => {
    features.set(clips[clip] ?? [], row * 3);
  });
  return {
    size,
    count: rows.length,
    frames: 1,
    width: 3,
    features,
    mask: new Float32Array(size).fill(1),
    gloss: perRow(new Int32Array(size), (clip) => targets.gloss[clip] ?? NaN),
    category: perRow(new Int32Array(size), (clip) => targets.category[clip] ?? NaN),
    weight: perRow(new Float32Array(size), () => 1),
    indices: rows,
  };
}

/** Two linear heads on clips of one frame. */
function linearModel(onForward: () => void = () => undefined): Model {
  const parameter = (name: string, shape: number[]): ParameterDeclaration => ({
    name,
    shape,
    trainable: true,
    initialise: (_, size) => new Float32Array(size),
  });
  return {
    ...signTransformer(tinyArchitecture),
    parameters: [parameter('gloss', [3, 3]), parameter('category', [2, 3])],
    forward: (parameters, { features }) => {
      onForward();
      const rows = tf.reshape(features, [-1, 3]);
      const logits = (head: string): tf.Tensor => tf.matMul(rows, tensorNamed(parameters, head), false, true);
      return { glossLogits: logits('gloss'), categoryLogits: logits('category') };
    },
  };
}

/** As many clips of each class as a training set of these counts has. */
function clipsOf(classCounts: readonly number[]): number[] {
  return classCounts.flatMap((count, id) => new Array<number>(count).fill(id));
}

function weightsOf(kind: 'balanced' | 'effective'): ClassWeights | undefined {
  const ids = { gloss: clipsOf(counts.gloss), category: clipsOf(counts.category) };
  return classWeightsFor({ class_weights: kind }, ids, { gloss: 3, category: 2 });
}

const lossWeights = { alpha: 0.7, beta: 0.3 };
const all = [0, 1, 2, 3, 4];

describe.each(figures)('the loss $loss with $weights class weights', ({ loss, weights: kind, ...expected }) => {
  const definition = stepDefinition(linearModel(), classificationLoss({ loss, focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 }), {
    optimizer: sgd(),
  });
  const classWeights = weightsOf(kind);

  it.each([
    ['captured', CapturedProgram],
    ['eager', EagerProgram],
  ] as const)('is PyTorch’s, with its gradients and the steps that follow from them: %s', (_, Program) => {
    const program = new Program(definition, weights);
    const inputs = stepInputs(batchOf(all), { lossWeights, classWeights, packPadding: false, randomSeed: [0, 0] });
    const gradients = program.gradients(inputs);
    expect(relativeDifference(gradients.get('gloss') ?? [], expected.gloss)).toBeLessThan(2e-6);
    expect(relativeDifference(gradients.get('category') ?? [], expected.category)).toBeLessThan(2e-6);
    const losses = [0, 1, 2].map(() => program.trainStep(inputs, { learningRate: 0.5, gradientScale: 1, apply: true }).loss);
    expect(relativeDifference(losses, expected.losses)).toBeLessThan(1e-6);
    program.dispose();
  });

  it('is over several batches of a validation the loss of all their clips', () => {
    const program = new CapturedProgram(definition, weights);
    const losses = [
      [1, 0, 3],
      [4, 2],
    ].flatMap((rows) => {
      const options = { lossWeights, classWeights, meanOver: targets, packPadding: false, randomSeed: [0, 0] as const };
      return [...valuesNamed(program.evaluate(stepInputs(batchOf(rows), options)), 'losses').subarray(0, rows.length)];
    });
    expect(relativeDifference([losses.reduce((sum, value) => sum + value, 0) / losses.length], expected.losses.slice(0, 1))).toBeLessThan(
      1e-6,
    );
    program.dispose();
  });
});

it('the weights of the losses are inputs of a step: none is recorded anew where they change', () => {
  let recorded = 0;
  const model = linearModel(() => recorded++);
  const loss = classificationLoss({ loss: 'ce', focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 });
  const program = new CapturedProgram(stepDefinition(model, loss, { optimizer: sgd() }), weights);
  const lossOf = (alpha: number): number => {
    const inputs = stepInputs(batchOf(all), { lossWeights: { alpha, beta: 1 - alpha }, packPadding: false, randomSeed: [0, 0] });
    return program.trainStep(inputs, { learningRate: 0, gradientScale: 1, apply: true }).loss;
  };
  const first = lossOf(0);
  const afterFirst = recorded;
  expect(afterFirst).toBeGreaterThan(0);
  const last = lossOf(1);
  expect(last).not.toBeCloseTo(first, 3);
  expect(lossOf(0.25)).toBeCloseTo(0.75 * first + 0.25 * last, 5);
  expect(recorded).toBe(afterFirst);
  program.dispose();
});

describe('class weights', () => {
  it('balanced are scikit-learn’s n / (k · n_c) of the classes that have clips', () => {
    expect([...balancedWeights([8, 2, 0, 2])]).toEqual([0.5, 2, 1, 2]);
  });

  it('effective are one over the effective number (Cui 2019), with a mean of 1', () => {
    const found = effectiveWeights([3000, 300, 20], 0.999);
    expect(relativeDifference(found, [0.05699925, 0.20889764, 2.73410322])).toBeLessThan(1e-6);
    expect([...effectiveWeights([5, 0, 5], 0.999)]).toEqual([1, 1, 1]);
  });

  it('are of the clips of each head, and none where they are not asked for', () => {
    const classes = { gloss: 2, category: 1 };
    const found = classWeightsFor({ class_weights: 'balanced' }, { gloss: [0, 0, 0, 1], category: [0, 0, 0, 0] }, classes);
    expect(found?.gloss[1]).toBe(2);
    expect([...(found?.category ?? [])]).toEqual([1]);
    expect(classWeightsFor({ class_weights: 'none' }, { gloss: [0, 1], category: [0, 0] }, classes)).toBeUndefined();
  });

  it('are divided by the sum of those of the targets', () => {
    expect(meanCorrection(Float32Array.of(1, 4), [0, 1, 1])).toBeCloseTo(3 / 9, 7);
  });
});
