import { graphFunction, startRuntime, tf } from 'kumpas/engine';

await startRuntime();

// A plate, hot in its middle. In each step a place moves towards its four neighbours (the heat equation).
const size = 65;
const start = new Float32Array(size * size);
start[Math.floor(start.length / 2)] = 1000;
const neighbours = tf.tensor4d([0, 0.1, 0, 0.1, 0.6, 0.1, 0, 0.1, 0], [3, 3, 1, 1]);

const hundredSteps = graphFunction((plate: tf.Tensor4D) => {
  let next = plate;
  for (let step = 0; step < 100; step++) next = tf.conv2d(next, neighbours, 1, 'same');
  return { plate: next, hottest: tf.max(next) };
});

let { plate, hottest } = hundredSteps.arrays({ shape: [1, size, size, 1], values: start });
for (let round = 1; round < 5; round++) ({ plate, hottest } = hundredSteps.arrays(plate));
let warmth = 0;
for (const value of plate.values) warmth += value;
console.log(
  `after 500 steps: ${hottest.values[0]?.toFixed(2)} in the middle, ${warmth.toFixed(0)} in all; recorded ${hundredSteps.recordings} time`,
);
