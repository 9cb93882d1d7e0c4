import { HOLISTIC_78 } from '../src/config/known-layouts';
import type { ClipEntry, Dataset } from '../src/data/clip-set';
import { initialiseParameters } from '../src/engine/parameters';
import { startRuntime } from '../src/engine/runtime';
import { evaluateModel } from '../src/evaluation/evaluate';
import type { LoadedModel } from '../src/evaluation/loaded-model';
import { RandomStream } from '../src/foundation/random';
import type { Model } from '../src/models/model';
import { median, round, timed, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';
import { benchModels, CATEGORIES, GLOSSES } from './models';
import { startPytorch } from './pytorch';

const CLIPS = 426;
const WIDTH = 156;

/** Times whole evaluations, recording the graph and scoring included, and PyTorch's forward passes over as many clips in turn. */
export async function benchEvaluate(flags: BenchFlags): Promise<Figures> {
  const runtime = await startRuntime();
  const { batch, frames, layers, heads, emb, padding, runs = 7 } = flags;
  const { model, pytorch: script } = benchModels.transformer(flags);
  const [loaded, dataset] = [randomModel(model), randomDataset(frames, padding)];
  const evaluate = (): Promise<unknown> => evaluateModel(loaded, dataset, batch);
  const first = await timed(evaluate);
  const pytorch = flags.pytorch === undefined ? undefined : await startPytorch(flags.pytorch, script, runtime);
  const ours: number[] = [];
  const theirs: number[] = [];
  while (ours.length < runs) {
    ours.push(await timed(evaluate));
    if (pytorch !== undefined) theirs.push(...(await pytorch.times(padding > 0 ? 'forward_padded' : 'forward', Math.ceil(CLIPS / batch))));
  }
  pytorch?.end();
  const rate = (CLIPS / median(ours)) * 1000;
  const pytorchRate = (batch / median(theirs)) * 1000;
  return {
    ...timeFigures(ours),
    clips_per_second: round(rate),
    first_evaluation_ms: round(first),
    ...(pytorch === undefined
      ? {}
      : {
          pytorch: { version: pytorch.version, ...timeFigures(theirs), clips_per_second: round(pytorchRate) },
          rate_by_pytorchs: round(rate / pytorchRate, 3),
        }),
    setting: { model: loaded.name, clips: CLIPS, batch, frames, padding, layers, heads, emb },
    machine: { device: runtime.device, threads: runtime.threads, tensorflow: runtime.tensorflowVersion, node: process.versions.node },
  };
}

function randomModel(model: Model): LoadedModel {
  const weights = initialiseParameters(model.parameters, new RandomStream(42));
  const unsaid = {
    epoch: undefined,
    labels: undefined,
    keypoints: HOLISTIC_78,
    clipWidth: WIDTH,
    transforms: [],
    settings: {},
    data: {},
    assumptions: [],
    notes: [],
  };
  return { file: 'random', name: 'transformer', model, weights, ...unsaid };
}

/** @param padding the share of the frames that would be padding if all clips were padded to the longest: their lengths are spread evenly. */
function randomDataset(longest: number, padding: number): Dataset {
  const random = new RandomStream(11);
  const order = random.permutation(CLIPS);
  const entries = Array.from({ length: CLIPS }, (_, clip): ClipEntry => {
    const frames = Math.round(longest * (1 - (2 * padding * (order[clip] ?? 0)) / (CLIPS - 1)));
    return { name: `clip_${clip}`, file: '', frames, gloss: clip % GLOSSES, category: clip % CATEGORIES, occluded: undefined };
  });
  const values = entries.map(({ frames }) => Float32Array.from({ length: frames * WIDTH }, () => random.uniform()));
  return {
    title: 'random clips',
    synthetic: true,
    train: undefined,
    validation: { entries, width: WIDTH, keypoints: HOLISTIC_78, values, key: 'X' },
    labels: {
      gloss: Array.from({ length: GLOSSES }, (_, id) => `gloss ${id}`),
      category: Array.from({ length: CATEGORIES }, (_, id) => `category ${id}`),
    },
    givenLabels: undefined,
    fingerprint: '',
    validationFingerprint: '',
    leftOut: [],
  };
}
