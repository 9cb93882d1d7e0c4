import { initialiseParameters } from '../src/engine/parameters';
import { startRuntime } from '../src/engine/runtime';
import { RandomStream } from '../src/foundation/random';
import { median, round, timed, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';
import { modelStep } from './model-step';
import { startPytorch } from './pytorch';
import { createProgram } from '../src/engine/create-program';

/** Steps of one side before the other has its turn. */
const TURN = 3;

/** Times a training step, and PyTorch's in turn where one is there. */
export async function benchStep(flags: BenchFlags): Promise<Figures> {
  const runtime = await startRuntime();
  const { batch, frames, amp, eager, ema } = flags;
  const { model, definition, inputs, pytorch: script } = modelStep(flags);
  const program = createProgram(definition, initialiseParameters(model.parameters, new RandomStream(42)), {
    mode: eager ? 'eager' : 'captured',
    matrixType: amp ? 'bfloat16' : 'float32',
  });
  const once = { learningRate: 1e-4, gradientScale: 1, apply: true };
  let step = 0;
  const run = (): void => {
    program.trainStep(inputs(step++), once);
  };
  const firstStep = await timed(run);
  for (let warmUp = 0; warmUp < 4; warmUp++) run();
  const otherShape = modelStep({ ...flags, frames: frames + 8 });
  const newShape = await timed(() => program.trainStep(otherShape.inputs(step++), once));
  const resident = process.memoryUsage.rss();

  const pytorch = flags.pytorch === undefined ? undefined : await startPytorch(flags.pytorch, script);
  const ours: number[] = [];
  const theirs: number[] = [];
  const runs = flags.runs ?? 24;
  while (ours.length < runs) {
    for (let turn = 0; turn < TURN && ours.length < runs; turn++) ours.push(await timed(run));
    if (pytorch !== undefined) theirs.push(...(await pytorch.steps(TURN)));
  }
  pytorch?.end();
  const growth = process.memoryUsage.rss() / resident;
  program.dispose();
  return {
    ...timeFigures(ours),
    first_step_ms: round(firstStep),
    new_shape_ms: round(newShape),
    memory_growth: round(growth, 3),
    ...(pytorch === undefined
      ? {}
      : { pytorch: { version: pytorch.version, ...timeFigures(theirs) }, ratio_to_pytorch: round(median(ours) / median(theirs), 3) }),
    setting: { model: flags.model, batch, frames, ...model.config, amp, eager, ema },
    machine: { device: runtime.device, threads: runtime.threads, tensorflow: runtime.tensorflowVersion, node: process.versions.node },
  };
}
