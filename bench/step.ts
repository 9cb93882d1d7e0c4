import { augmentations, keypointAugmentSettings } from '../src/config/augment-settings';
import { HOLISTIC_78 } from '../src/config/known-layouts';
import { TransformPipeline } from '../src/data/transforms/pipeline';
import { initialiseParameters, valuesNamed, type NamedArrays } from '../src/engine/parameters';
import type { ChosenPrecision } from '../src/engine/precision';
import { sharingDevices, startRuntime, type Runtime } from '../src/engine/runtime';
import { UserError } from '../src/foundation/errors';
import { RandomStream } from '../src/foundation/random';
import { median, round, timed, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';
import { modelStep } from './model-step';
import { inPrecision } from './in-precision';
import { startPytorch } from './pytorch';
import { createProgram } from '../src/engine/create-program';

/** Numbers in a frame of 78 key points. */
const HOLISTIC_WIDTH = 156;
/** Steps of one side before the other has its turn. */
const TURN = 3;

/** Times a training step, and PyTorch's in turn where one is there. */
export async function benchStep(asked: BenchFlags): Promise<Figures> {
  const runtime = await startRuntime();
  const { flags, precision } = await inPrecision(asked);
  const { batch, frames, eager, ema, augment } = flags;
  const devices = flags.parallel ? devicesOf(runtime) : [];
  const { model, definition, inputs, pytorch: script } = modelStep(flags, Math.max(1, devices.length));
  const program = createProgram(definition, initialiseParameters(model.parameters, new RandomStream(42)), {
    mode: eager ? 'eager' : 'captured',
    matrixType: precision.bfloat16,
    cudnnGru: flags.cudnnGru,
    devices,
  });
  const once = { learningRate: 1e-4, gradientScale: 1, apply: true };
  const change = clipChange(augment, frames);
  let step = 0;
  const run = (): void => {
    const given = inputs(step++);
    change?.(given, step);
    program.trainStep(given, once);
  };
  const firstStep = await timed(run);
  for (let warmUp = 0; warmUp < 4; warmUp++) run();
  const otherShape = modelStep({ ...flags, frames: frames + 8 }, Math.max(1, devices.length));
  const runOther = (): unknown => program.trainStep(otherShape.inputs(step++), once);
  const newShape = await timed(runOther);
  const otherSteps: number[] = [];
  for (let again = 0; again < TURN; again++) otherSteps.push(await timed(runOther));
  const resident = process.memoryUsage.rss();

  const plain = change && plainStep(flags, precision);
  const pytorch = flags.pytorch === undefined ? undefined : await startPytorch(flags.pytorch, script, runtime);
  const ours: number[] = [];
  const theirs: number[] = [];
  const plainly: number[] = [];
  const runs = flags.runs ?? 24;
  while (ours.length < runs) {
    for (let turn = 0; turn < TURN && ours.length < runs; turn++) ours.push(await timed(run));
    for (let turn = 0; plain !== undefined && turn < TURN; turn++) plainly.push(await timed(plain.run));
    if (pytorch !== undefined) theirs.push(...(await pytorch.steps(TURN)));
  }
  pytorch?.end();
  const growth = process.memoryUsage.rss() / resident;
  program.dispose();
  plain?.dispose();
  return {
    ...timeFigures(ours),
    ...(plain === undefined ? {} : { plain_step: timeFigures(plainly), ratio_to_plain: round(median(ours) / median(plainly), 3) }),
    first_step_ms: round(firstStep),
    new_shape_ms: round(newShape),
    // What is done once, without the step itself.
    first_step_beside_ms: round(firstStep - median(ours)),
    new_shape_beside_ms: round(newShape - median(otherSteps)),
    memory_growth: round(growth, 3),
    ...(pytorch === undefined
      ? {}
      : { pytorch: { version: pytorch.version, ...timeFigures(theirs) }, ratio_to_pytorch: round(median(ours) / median(theirs), 3) }),
    setting: { model: flags.model, batch, frames, ...model.config, amp: precision, eager, ema, augment },
    machine: { device: runtime.device, threads: runtime.threads, tensorflow: runtime.tensorflowVersion, node: process.versions.node },
  };
}

/** @throws UserError where there is one GPU alone. */
function devicesOf(runtime: Runtime): readonly string[] {
  if (!runtime.usesGpu) return ['/device:CPU:0', '/device:CPU:0'];
  const devices = sharingDevices(runtime);
  if (devices.length < 2) throw new UserError('--enable-parallel: there are fewer than two GPUs');
  return devices;
}

/** What happens to the clips of a batch before its step, as to those of a set in memory; undefined where nothing does. */
function clipChange(augment: BenchFlags['augment'], frames: number): ((inputs: NamedArrays, step: number) => void) | undefined {
  if (augment === 'none') return undefined;
  const unset = Object.fromEntries(Object.keys(keypointAugmentSettings).map((key) => [key, null]));
  const changes = [...augmentations({ ...unset, augment }), { name: 'normalize', by: 'shoulders' }];
  const pipeline = TransformPipeline.of(changes, HOLISTIC_78);
  const kept = Math.ceil(frames * 0.75) * HOLISTIC_WIDTH;
  return (inputs, step) => {
    const features = valuesNamed(inputs, 'features');
    const rows = features.length / (frames * HOLISTIC_WIDTH);
    for (let row = 0; row < rows; row++) {
      const start = row * frames * HOLISTIC_WIDTH;
      const values = Float32Array.from(features.subarray(start, start + kept));
      pipeline.apply({ values, frames: kept / HOLISTIC_WIDTH }, row, { seed: 42, epoch: step });
    }
  };
}

/** The step of clips as they are, without an average of the weights. */
function plainStep(flags: BenchFlags, { bfloat16 }: ChosenPrecision): { readonly run: () => void; readonly dispose: () => void } {
  const { model, definition, inputs } = modelStep({ ...flags, ema: false });
  const program = createProgram(definition, initialiseParameters(model.parameters, new RandomStream(42)), {
    mode: flags.eager ? 'eager' : 'captured',
    matrixType: bfloat16,
  });
  let step = 0;
  const run = (): void => {
    program.trainStep(inputs(step++), { learningRate: 1e-4, gradientScale: 1, apply: true });
  };
  for (let warmUp = 0; warmUp < 5; warmUp++) run();
  return {
    run,
    dispose: () => {
      program.dispose();
    },
  };
}
