import type { Batch } from '../src/data/batch';
import { createProgram } from '../src/engine/create-program';
import { initialiseParameters } from '../src/engine/parameters';
import { startRuntime } from '../src/engine/runtime';
import { RandomStream } from '../src/foundation/random';
import { signTransformer } from '../src/models/transformer/sign-transformer';
import { classificationLoss } from '../src/training/losses';
import { stepDefinition, stepInputs } from '../src/training/step-definition';
import { median, round, timed, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';
import { startPytorch } from './pytorch';

const GLOSSES = 105;
const CATEGORIES = 10;
const WIDTH = 156;
/** Steps of one side before the other has its turn. */
const TURN = 3;

/** Times a training step, and PyTorch's in turn where one is there. */
export async function benchStep(flags: BenchFlags): Promise<Figures> {
  const runtime = await startRuntime();
  const { emb, heads, layers, batch: size, frames, amp, eager } = flags;
  const model = signTransformer({
    input_dim: WIDTH,
    emb_dim: emb,
    n_heads: heads,
    n_layers: layers,
    ff_dim: 4 * emb,
    num_gloss: GLOSSES,
    num_cat: CATEGORIES,
    dropout: 0.1,
    max_len: Math.max(300, frames),
    pooling_method: 'mean',
  });
  const loss = classificationLoss({ loss: 'ce', focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 });
  const definition = stepDefinition(model, loss, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: undefined });
  const program = createProgram(definition, initialiseParameters(model.parameters, new RandomStream(42)), {
    mode: eager ? 'eager' : 'captured',
    matrixType: amp ? 'bfloat16' : 'float32',
  });
  let step = 0;
  const run = (): void => {
    const inputs = stepInputs(randomBatch(size, frames, step), {
      lossWeights: { alpha: 0.5, beta: 0.5 },
      packPadding: true,
      randomSeed: [42, step++],
    });
    program.trainStep(inputs, { learningRate: 1e-4, gradientScale: 1, apply: true });
  };
  const firstStep = await timed(run);
  for (let warmUp = 0; warmUp < 4; warmUp++) run();
  const resident = process.memoryUsage.rss();

  const pytorch = flags.pytorch === undefined ? undefined : await startPytorch(flags.pytorch, flags);
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
    memory_growth: round(growth, 3),
    ...(pytorch === undefined
      ? {}
      : { pytorch: { version: pytorch.version, ...timeFigures(theirs) }, ratio_to_pytorch: round(median(ours) / median(theirs), 3) }),
    setting: { model: flags.model, batch: size, frames, layers, heads, emb, amp, eager },
    machine: { device: runtime.device, threads: runtime.threads, tensorflow: runtime.tensorflowVersion, node: process.versions.node },
  };
}

/** Clips of which a quarter is padding, other ones for every step. */
function randomBatch(size: number, frames: number, step: number): Batch {
  const random = new RandomStream(7, step);
  const kept = Math.ceil(frames * 0.75);
  const features = new Float32Array(size * frames * WIDTH);
  const mask = new Float32Array(size * frames);
  for (let row = 0; row < size; row++) {
    mask.fill(1, row * frames, row * frames + kept);
    // Cheap values: the bench is of the step, not of the generator.
    const start = random.uniform();
    for (let place = 0; place < kept * WIDTH; place++) features[row * frames * WIDTH + place] = (start + place * 0.6180339887) % 1;
  }
  const ids = (classes: number): Int32Array => Int32Array.from({ length: size }, () => random.below(classes));
  return {
    size,
    count: size,
    frames,
    width: WIDTH,
    features,
    mask,
    gloss: ids(GLOSSES),
    category: ids(CATEGORIES),
    weight: new Float32Array(size).fill(1),
    indices: [],
  };
}
