import { initialiseParameters, type ParameterValues } from '../src/engine/parameters';
import { startRuntime } from '../src/engine/runtime';
import { PictureFeatures, PICTURES_AT_ONCE } from '../src/evaluation/frame-features/picture-features';
import { RandomStream } from '../src/foundation/random';
import { inceptionGru } from '../src/models/inception/inception-gru';
import type { PictureEncoder } from '../src/models/model';
import { median, round, timed, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';
import { startPytorch } from './pytorch';

/** Times InceptionV3's features of frames, from pixels, and torchvision's in turn where PyTorch is there: in both of its layouts, of which the faster one counts. */
export async function benchFeatures(flags: BenchFlags): Promise<Figures> {
  const runtime = await startRuntime();
  const { encoder, weights, pixels } = benchEncoder();
  const pictures = new PictureFeatures(encoder, weights, { mode: flags.eager ? 'eager' : 'captured' });
  const run = (): void => {
    pictures.encode(pixels);
  };
  const first = await timed(run);
  run();
  const pytorch =
    flags.pytorch === undefined ? undefined : await startPytorch(flags.pytorch, ['pytorch_features.py', [PICTURES_AT_ONCE]], runtime);
  const ours: number[] = [];
  const layouts = { default: new Array<number>(), channels_last: new Array<number>() };
  const runs = flags.runs ?? 12;
  while (ours.length < runs) {
    ours.push(await timed(run));
    if (pytorch === undefined) continue;
    layouts.default.push(...(await pytorch.times('default', 1)));
    layouts.channels_last.push(...(await pytorch.times('channels_last', 1)));
  }
  const [fastest, theirs] = Object.entries(layouts).reduce((one, other) => (median(other[1]) < median(one[1]) ? other : one));
  pytorch?.end();
  pictures.dispose();
  return {
    ...timeFigures(ours),
    frames_per_second: framesPerSecond(ours),
    first_ms: round(first),
    ...(pytorch === undefined
      ? {}
      : {
          torchvision: {
            version: pytorch.version,
            default: timeFigures(layouts.default),
            channels_last: timeFigures(layouts.channels_last),
            fastest_layout: fastest,
            frames_per_second: framesPerSecond(theirs),
          },
          times_as_fast_as_torchvision: round(median(theirs) / median(ours), 3),
        }),
    setting: { frames_at_once: PICTURES_AT_ONCE, eager: flags.eager },
    machine: { device: runtime.device, threads: runtime.threads, tensorflow: runtime.tensorflowVersion, node: process.versions.node },
  };
}

function framesPerSecond(milliseconds: readonly number[]): number {
  return round((PICTURES_AT_ONCE * 1000) / median(milliseconds), 1);
}

/** A frozen backbone with weights that were drawn, and pictures for it. */
export function benchEncoder(): { encoder: PictureEncoder; weights: ParameterValues; pixels: Uint8Array } {
  const backbone = { frozen: true, transform_input: true, auxiliaryClasses: undefined };
  const model = inceptionGru({ hidden1: 16, hidden2: 12, dropout: 0, num_gloss: 2, num_cat: 2, max_len: 300, backbone });
  const { pictureEncoder: encoder } = model;
  if (encoder === undefined) throw new Error('a model with a backbone encodes pictures');
  const random = new RandomStream(7);
  const pixels = Uint8Array.from({ length: PICTURES_AT_ONCE * encoder.side ** 2 * 3 }, () => random.below(256));
  return { encoder, weights: initialiseParameters(model.parameters, new RandomStream(42)), pixels };
}
