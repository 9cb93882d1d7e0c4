import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { readWeights, writeTrainingCheckpoint, type PlainRecord } from '../../src/checkpoint/training-checkpoint';
import { startRuntime } from '../../src/engine/runtime';
import { evaluateModel } from '../../src/evaluation/evaluate';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { predictedClasses } from '../../src/evaluation/metrics';
import type { CheckpointData, ReleaseContext } from '../../src/zoo/release/promote';
import type { RegisteredModel } from '../../src/zoo/registered-models';
import type { ReleaseRequest } from '../../src/zoo/release/release';
import { inTemporaryFolder } from './clip-files';
import { openFolder } from './open-folder';
import { smallSettings, trainSmall, writeSmallData } from './small-training';

/** A registry that holds one trained model, which recognises each of the 7 clips of its validation data. */
export interface SmallZoo {
  readonly root: string;
  readonly data: string;
  readonly model: RegisteredModel;
}

/** Trains a model into a registry, and labels the clips as it sees them. */
async function trainSmallZoo(folder: string): Promise<SmallZoo> {
  const data = writeSmallData(folder);
  const root = path.join(folder, 'models');
  const { run } = await trainSmall(smallSettings(folder, { save_dir: path.join(root, 'transformer'), epochs: '2' }));
  const model = { name: path.basename(run.folder.files.folder), folder: run.folder.files.folder };
  const dataset = await openFolder(data, { numGloss: 3, numCat: 2 });
  const { outputs } = await evaluateModel(modelOfFile(run.folder.files.best), dataset, 32);
  const glosses = predictedClasses(outputs.glossLogits, outputs.clips);
  const categories = predictedClasses(outputs.categoryLogits, outputs.clips);
  const lines = dataset.validation.entries.map(({ name }, clip) => `${name},${glosses[clip] ?? 0},${categories[clip] ?? 0}`);
  writeFileSync(path.join(data, 'val_labels.csv'), ['file,gloss,cat', ...lines, ''].join('\n'));
  return { root, data, model };
}

/** A copy of a registry, to be changed. */
export function copyZoo({ root, data, model }: SmallZoo, folder: string): SmallZoo {
  const copy = path.join(folder, 'models');
  cpSync(root, copy, { recursive: true });
  return { root: copy, data, model: { name: model.name, folder: path.join(copy, 'transformer', model.name) } };
}

/** A registry that is trained once for the tests of a file. */
export interface TrainedZoo {
  /** What no test may change. */
  readonly original: () => SmallZoo;
  /** Runs a test with a copy of it. */
  readonly inZoo: (test: (zoo: SmallZoo) => Promise<void> | void) => Promise<void>;
}

/** Trains a registry before a file's tests. */
export function trainedZoo(): TrainedZoo {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-zoo-'));
  let trained: SmallZoo | undefined;
  beforeAll(async () => {
    await startRuntime();
    trained = await trainSmallZoo(folder);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const original = (): SmallZoo => {
    if (trained === undefined) throw new Error('nothing has been trained yet');
    return trained;
  };
  return { original, inZoo: (test) => inTemporaryFolder((copy) => test(copyZoo(original(), copy))) };
}

/** Where a model's best checkpoint lies. */
export function bestOf({ folder }: RegisteredModel): string {
  return path.join(folder, 'SignTransformer_best.pt');
}

/** Changes the weights, and what the config says, of a model's best checkpoint. */
export function changeBest(
  model: RegisteredModel,
  change: (name: string, values: Float32Array) => Float32Array,
  config: PlainRecord = {},
): void {
  const file = bestOf(model);
  const read = readWeights(file);
  const changed = [...read.model].map(([name, tensor]): [string, typeof tensor] => [
    name,
    { ...tensor, values: change(name, tensor.values) },
  ]);
  writeTrainingCheckpoint(file, {
    epoch: read.epoch ?? 0,
    bestMetric: read.bestMetric ?? 0,
    model: new Map(changed),
    optimizer: undefined,
    scheduler: undefined,
    config: { ...read.config, ...config },
    args: read.args,
  });
}

/** Turns the gloss head round, so that it says of each clip what it thought least likely; twice is not at all. */
export function turnGlossHead(model: RegisteredModel): void {
  changeBest(model, (name, values) => (name.startsWith('gloss_head.3') ? values.map((value) => -value) : values));
}

/** Moves some weights by too little to change what the model says. */
export function nudge(model: RegisteredModel): void {
  changeBest(model, (name, values) => (name === 'gloss_head.3.bias' ? values.map((value) => value + 1e-6) : values));
}

/** The data that a model was trained with. */
export const ownData: CheckpointData = { batchSize: 32 };

/** What a release asks for unless a test says otherwise. */
export function releaseRequest(changes: Partial<ReleaseRequest> = {}): ReleaseRequest {
  return {
    bump: 'minor',
    notes: ['something changed'],
    allowRegression: false,
    follows: undefined,
    tag: false,
    dtype: undefined,
    data: ownData,
    ...changes,
  };
}

/** The world of a test's release; its warnings go to a list. */
export function releaseWorld(day = 20, warnings: string[] = []): ReleaseContext {
  return {
    now: new Date(Date.UTC(2024, 8, day, 12)),
    kumpas: '0.0.0',
    watch: { onWarning: (text) => warnings.push(text), onProgress: () => undefined },
  };
}

/** Every file below a folder with its content, hidden ones too. */
export function contentOf(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(path.join(folder, name)).isFile()).sort();
  return new Map(files.map((name) => [name, readFileSync(path.join(folder, name), 'latin1')]));
}
