import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingCheckpoint, readWeights } from '../../src/checkpoint/training-checkpoint';
import { valuesNamed } from '../../src/engine/parameters';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import { featureInputs, inferenceProgram, modelOfFile } from '../../src/evaluation/loaded-model';
import { readConfig } from '../../src/folder/config-file';
import { elementAt, required } from '../../src/foundation/required';
import type { TrainingBatch } from '../../src/training/head-targets';
import { openTrainingData } from '../../src/training/open-training-data';
import type { TrainingRun } from '../../src/training/run';
import { softenedProbabilities } from '../../src/training/teacher';
import { ownModels } from '../../src/models/model-table';
import { writeDataFolder } from '../support/clip-files';
import { quietContext, resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-teacher-'));
/** Step by step, which takes less time for so few steps. */
const base = { num_buckets: '1', dropout: '0', scheduler: 'none', compile_model: 'false' };
/** A teacher that normalises its clips, and one that does not. */
let teacher: string;
let plainTeacher: string;

beforeAll(async () => {
  await startRuntime();
  writeSmallData(folder);
  const trained = async (typed: Readonly<Record<string, string>>): Promise<string> =>
    (await trainSmall(smallSettings(folder, { ...base, lr: '1e-2', epochs: '2', description: 'teacher', ...typed }))).run.folder.files
      .folder;
  teacher = await trained({ normalize: 'shoulders', pooling: 'max' });
  plainTeacher = await trained({ seed: '7' });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Weights, the optimiser's state and the log. */
function outcome(run: TrainingRun): unknown {
  const names = run.learner.model.parameters.filter(({ trainable }) => trainable).map(({ name }) => name);
  const { model, average, optimizer } = readTrainingCheckpoint(run.folder.files.last, names, optimizerForms);
  return { weights: [...model], average, optimizer, log: readFileSync(run.folder.files.log, 'utf8') };
}

/** The training batches of an epoch, as `typed` asks for them. */
async function batchesWith(typed: Readonly<Record<string, string>>): Promise<TrainingBatch[]> {
  const settings = smallSettings(folder, { ...base, ...typed });
  const begun = {
    resume: undefined,
    warmStart: undefined,
    precision: { asked: false, bfloat16: [], because: 'not asked' },
  } as const;
  const data = await openTrainingData(ownModels.get(settings.model), settings, new Map(), begun, quietContext());
  const found: TrainingBatch[] = [];
  for await (const batch of data.train.batches.epoch(data.train.plan(1))) found.push(batch);
  await data.train.batches.close();
  await data.validation.batches.close();
  return found;
}

/** What a model says of a batch, at a temperature of 2. */
function wordOf(file: string, batch: TrainingBatch): Float32Array {
  const program = inferenceProgram(modelOfFile(file), { mode: 'eager' });
  const word = softenedProbabilities(valuesNamed(program.evaluate(featureInputs(batch)), 'gloss_logits'), batch.size, 2);
  program.dispose();
  return word;
}

/** The mean of KL(teacher ‖ student) over the training clips. */
async function divergence(teacherFile: string, studentFile: string): Promise<number> {
  const batches = await batchesWith({});
  const sums = batches.map((batch) => {
    const [theirs, ours] = [wordOf(teacherFile, batch), wordOf(studentFile, batch)];
    const classes = theirs.length / batch.size;
    return theirs
      .subarray(0, batch.count * classes)
      .reduce((sum, probability, place) => sum + probability * Math.log(probability / elementAt(ours, place)), 0);
  });
  return sums.reduce((sum, value) => sum + value, 0) / batches.reduce((sum, { count }) => sum + count, 0);
}

describe('a teacher', () => {
  it('is learnt: the student says more nearly what it says than one that learns the labels alone', async () => {
    const file = path.join(plainTeacher, 'SignTransformer_best.pt');
    const recipe = { ...base, emb_dim: '8', epochs: '4', lr: '1e-2' };
    const { run: taught } = await trainSmall(
      smallSettings(folder, { ...recipe, teacher: plainTeacher, teacher_weight: '0.9', description: 'taught' }),
    );
    const { run: alone } = await trainSmall(smallSettings(folder, { ...recipe, description: 'alone' }));
    const [withTeacher, without] = [await divergence(file, taught.folder.files.last), await divergence(file, alone.folder.files.last)];
    expect(withTeacher).toBeLessThan(without / 2);
  });

  it('counts by its weight and its temperature; with a weight of 0 the labels alone are learnt', async () => {
    const lossWith = async (typed: Readonly<Record<string, string>>): Promise<string> => {
      const { run } = await trainSmall(smallSettings(folder, { ...base, emb_dim: '8', epochs: '1', ...typed }));
      return elementAt(readFileSync(run.folder.files.log, 'utf8').split('\n'), 1);
    };
    const taught = await lossWith({ teacher: plainTeacher });
    expect(await lossWith({ teacher: plainTeacher, teacher_temperature: '6' })).not.toBe(taught);
    expect(await lossWith({ teacher: plainTeacher, teacher_weight: '0.2' })).not.toBe(taught);
    expect(await lossWith({ teacher: plainTeacher, teacher_weight: '0' })).toBe(await lossWith({}));
  });

  it('sees the very clips of the student, changed and mixed, in its own normalisation', async () => {
    const changes = { augment: 'light', augment_mixup: '0.5', augment_cutmix: '0.3' };
    const student = await batchesWith({ ...changes, teacher: `${teacher},${plainTeacher}` });
    const asTheTeacher = await batchesWith({ ...changes, normalize: 'shoulders' });
    const plain = await batchesWith(changes);
    for (const [place, { taught, ...batch }] of student.entries()) {
      expect(batch).toEqual(plain[place]);
      const words = [
        wordOf(path.join(teacher, 'SignTransformer_best.pt'), elementAt(asTheTeacher, place)),
        wordOf(path.join(plainTeacher, 'SignTransformer_best.pt'), batch),
      ] as const;
      const mean = words[0].map((value, at) => (value + elementAt(words[1], at)) / 2);
      required(taught, 'what the teachers say').gloss.forEach((value, at) => {
        expect(value).toBeCloseTo(elementAt(mean, at), 6);
      });
    }
  });

  it('is kept, and a training with it goes on bit for bit, also where it was moved; never with another one', async () => {
    const recipe = {
      ...base,
      compile_model: 'true',
      epochs: '2',
      teacher,
      accumulation_steps: '2',
      ema: 'true',
      class_weights: 'balanced',
      augment_mixup: '0.5',
    };
    const { run: whole } = await trainSmall(smallSettings(folder, { ...recipe, description: 'whole' }));
    const controller = new AbortController();
    let steps = 0;
    const { run: first } = await trainSmall(smallSettings(folder, { ...recipe, memory_budget_mb: '0.001', description: 'parts' }), {
      signal: controller.signal,
      onEvent: ({ kind }) => {
        if (kind === 'step' && ++steps === 3) controller.abort();
      },
    });
    const { last, config } = first.folder.files;
    const record = { file: path.join(teacher, 'SignTransformer_best.pt'), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) };
    expect(readConfig(config)).toMatchObject({ teacher, teacher_weight: 0.5, teacher_temperature: 2, run: { teachers: [record] } });
    expect(readWeights(last).config).toMatchObject({ teachers: [record] });

    await expect(resumeSmall(last, { teacher: plainTeacher })).rejects.toThrow(
      /^--resume .*: a resumed run keeps its teacher, sha256 [0-9a-f]{12}; found .*SignTransformer_best\.pt \(sha256 [0-9a-f]{12}\); say where that lies with --teacher/,
    );
    await expect(resumeSmall(last, { teacher: 'none' })).rejects.toThrow(/--teacher: a resumed run keeps .*, found null/);
    const moved = path.join(folder, 'moved.pt');
    cpSync(path.join(teacher, 'SignTransformer_best.pt'), moved);
    const { run: resumed } = await resumeSmall(last, { teacher: moved });
    expect(outcome(resumed)).toEqual(outcome(whole));
  });

  it('is refused in a line where it tells other classes apart, or takes other or shorter clips', async () => {
    const refused = (typed: Readonly<Record<string, string>>, place = folder): Promise<unknown> =>
      trainSmall(smallSettings(place, { ...base, ...typed }));
    for (const [glosses, said] of [
      [5, 'the data 5'],
      [2, 'the training 2'],
    ] as const) {
      const other = path.join(folder, `${glosses} glosses`);
      const clips = Array.from({ length: glosses }, (_, gloss) => ({ name: `clip_${gloss}`, gloss, category: gloss % 2, frames: 6 }));
      writeDataFolder(path.join(other, 'data'), { train: clips, val: [{ name: 'validation', gloss: 0, category: 0, frames: 6 }] });
      await expect(refused({ teacher }, other)).rejects.toThrow(
        `SignTransformer_best.pt: it tells other classes apart than are to be learnt: gloss: the teacher has 3 classes, ${said}`,
      );
    }
    await expect(refused({ teacher, max_len: '20' })).rejects.toThrow(
      /: it takes clips of at most 12 frames, this training's batches have up to 16; give --max-len 12$/,
    );
    await expect(refused({ teacher: 'test/fixtures/torch/iv3_gru_features_only.pt' })).rejects.toThrow(
      /: its clips \(iv3_gru\) are features, those of this training 78 key points .*; give a model on the same clips$/,
    );
    await expect(refused({ teacher: `${teacher}, nowhere` })).rejects.toThrow('--teacher nowhere: no such file or folder');
  });
});
