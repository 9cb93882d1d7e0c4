import {
  adam,
  constantValue,
  createProgram,
  initialiseParameters,
  RandomStream,
  startRuntime,
  tensorNamed,
  tf,
  valuesNamed,
  type NamedTensors,
} from 'kumpas/engine';

await startRuntime();

// Points of the plane; those right of the line y = 2x + 1 are to be told from those left of it.
const random = new RandomStream(42);
const points = Float32Array.from({ length: 2 * 200 }, () => random.uniform(-2, 2));
const sides = Float32Array.from({ length: 200 }, (_, row) => (2 * (points[2 * row] ?? NaN) + 1 > (points[2 * row + 1] ?? NaN) ? 1 : 0));
const inputs = { points: { shape: [200, 2], values: points }, sides: { shape: [200, 1], values: sides } };

const parameters = [
  { name: 'weight', shape: [2, 1], trainable: true, initialise: constantValue(0) },
  { name: 'bias', shape: [1], trainable: true, initialise: constantValue(0) },
];
const scoresOf = (weights: NamedTensors, given: NamedTensors): tf.Tensor =>
  tf.add(tf.matMul(tensorNamed(given, 'points'), tensorNamed(weights, 'weight')), tensorNamed(weights, 'bias'));

const program = createProgram(
  {
    parameters,
    optimizer: adam(),
    evaluate: (weights, given) => ({ scores: scoresOf(weights, given) }),
    train: (weights, given) => ({
      loss: tf.losses.sigmoidCrossEntropy(tensorNamed(given, 'sides'), scoresOf(weights, given)),
      outputs: {},
    }),
  },
  initialiseParameters(parameters, random),
  { mode: 'captured' },
);

let loss = NaN;
for (let step = 0; step < 300; step++) ({ loss } = program.trainStep(inputs, { learningRate: 0.05, gradientScale: 1, apply: true }));
const scores = valuesNamed(program.evaluate(inputs), 'scores');
const right = sides.filter((side, row) => side === Number((scores[row] ?? NaN) > 0)).length;
console.log(`loss ${loss.toFixed(3)}, ${right} of 200 points on the right side`);
program.dispose();
