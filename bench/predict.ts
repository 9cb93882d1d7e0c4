import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeTrainingCheckpoint } from '../src/checkpoint/training-checkpoint';
import { formatNpz } from '../src/data/npz';
import { initialiseParameters } from '../src/engine/parameters';
import { RandomStream } from '../src/foundation/random';
import { median, round, timed, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';
import { benchModels } from './models';

const WIDTH = 156;

/** Times one prediction from a cold start: a process of its own that loads library, model and clip. PyTorch does the same in turn where one is there. */
export async function benchPredict(flags: BenchFlags): Promise<Figures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  try {
    const [model, clip] = [path.join(folder, 'model.pt'), path.join(folder, 'clip.npz')];
    writeModel(model, flags);
    const values = Float32Array.from({ length: flags.frames * WIDTH }, (_, place) => (place * 0.6180339887) % 1);
    writeFileSync(clip, formatNpz({ X: { dtype: 'float32', shape: [flags.frames, WIDTH], values } }));
    const run = (program: string, args: string[]): void => {
      const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${String(status)}: ${stderr}`);
    };
    const script = path.resolve(__dirname, '../scripts/run.js');
    const predict = (): void => {
      run(process.execPath, [script, 'predict', '--model-path', model, '--input', clip]);
    };
    const sizes = [flags.frames, flags.layers, flags.heads, flags.emb].map(String);
    const theirs: number[] = [];
    const ours: number[] = [];
    predict();
    for (let count = 0; count < (flags.runs ?? 7); count++) {
      ours.push(await timed(predict));
      const { pytorch } = flags;
      if (pytorch === undefined) continue;
      theirs.push(
        await timed(() => {
          run(pytorch, [path.join(__dirname, 'pytorch_predict.py'), model, clip, ...sizes]);
        }),
      );
    }
    return {
      ...timeFigures(ours),
      ...(theirs.length === 0 ? {} : { pytorch: timeFigures(theirs), ratio_to_pytorch: round(median(ours) / median(theirs), 3) }),
      setting: { frames: flags.frames, layers: flags.layers, heads: flags.heads, emb: flags.emb },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes a transformer of the size that the flags ask for, untrained. */
export function writeModel(file: string, flags: BenchFlags): void {
  const { model } = benchModels.transformer(flags);
  const weights = initialiseParameters(model.parameters, new RandomStream(42));
  writeTrainingCheckpoint(file, {
    epoch: 1,
    bestMetric: 0,
    model: new Map(model.parameters.map(({ name, shape }) => [name, { shape, values: weights.get(name) ?? new Float32Array() }])),
    optimizer: undefined,
    scheduler: undefined,
    config: { ...model.config },
    args: undefined,
  });
}
