import { afterEach, beforeAll, expect, it } from '@jest/globals';
import { CapturedProgram } from '../../src/engine/captured/captured-program';
import { EagerProgram } from '../../src/engine/eager-program';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { useBackend } from '../support/backend';
import { drawnInputs, tinyTraining } from '../support/captured';
import { createProgram } from '../../src/engine/create-program';

let native: string;

beforeAll(async () => {
  await startRuntime();
  native = tf.getBackend();
});

afterEach(async () => {
  await tf.setBackend(native);
});

it('runs as it is told', () => {
  const { definition, weights } = tinyTraining();
  const captured = createProgram(definition, weights, { mode: 'captured' });
  const eager = createProgram(definition, weights, { mode: 'eager' });
  expect(captured).toBeInstanceOf(CapturedProgram);
  expect(eager).toBeInstanceOf(EagerProgram);
  captured.dispose();
  eager.dispose();
});

it('runs eagerly on the JavaScript backend, whatever it is told', async () => {
  await useBackend('cpu');
  const { definition, weights } = tinyTraining();
  const program = createProgram(definition, weights, { mode: 'captured' });
  expect(program).toBeInstanceOf(EagerProgram);
  expect(
    program.trainStep(drawnInputs({ size: 2, frames: 4 }), { learningRate: 1e-3, gradientScale: 1, apply: true }).loss,
  ).toBeGreaterThan(0);
  program.dispose();
});
