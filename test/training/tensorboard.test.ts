import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readTrainingLog } from '../../src/folder/training-log';
import { train, type TrainOptions } from '../../src/training/train';
import { inTemporaryFolder } from '../support/clip-files';
import { writeSmallData } from '../support/small-training';

/** A point of an event file. */
interface Point {
  readonly name: string;
  readonly step: number;
  readonly value: number;
}

/** The scalars of an event file: records of length, checksum, an `Event` message, checksum (TensorFlow's record format). */
function pointsOf(file: string): Point[] {
  const bytes = readFileSync(file);
  const points: Point[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    const event = fields(bytes.subarray(at + 12, at + 12 + length));
    at += length + 16;
    const summary = event.get(5);
    if (!Buffer.isBuffer(summary)) continue; // The first event names the format's version.
    const value = fields(fields(summary).get(1) as Buffer);
    points.push({ name: String(value.get(1)), step: Number(event.get(2) ?? 0), value: (value.get(2) as Buffer).readFloatLE() });
  }
  return points;
}

/** The fields of a protocol buffer by number: whole numbers, or the bytes of everything else. */
function fields(message: Buffer): Map<number, number | Buffer> {
  const found = new Map<number, number | Buffer>();
  let at = 0;
  const variable = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message.readUInt8(at++);
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = variable();
    const kind = key & 7;
    if (kind === 0) {
      found.set(key >> 3, variable());
      continue;
    }
    const length = kind === 2 ? variable() : kind === 5 ? 4 : 8;
    found.set(key >> 3, message.subarray(at, at + length));
    at += length;
  }
  return found;
}

function eventFiles(folder: string): string[] {
  const place = path.join(folder, 'tensorboard');
  return existsSync(place) ? readdirSync(place).map((name) => path.join(place, name)) : [];
}

describe('--tensorboard', () => {
  it('writes the curves of the log, and a resumed training adds to them', async () => {
    await inTemporaryFolder(async (folder) => {
      const small: TrainOptions = {
        data: writeSmallData(folder),
        save_dir: path.join(folder, 'models'),
        epochs: 2,
        batch_size: 8,
        num_buckets: 1,
        modelSettings: { emb_dim: 16, num_heads: 2, num_layers: 1, max_len: 12 },
      };
      const { folder: without } = await train(small);
      expect(eventFiles(without)).toEqual([]);

      const { folder: run, files } = await train({ ...small, tensorboard: true });
      const points = eventFiles(run).flatMap(pointsOf);
      const curve = (name: string): number[] => points.filter((point) => point.name === name).map(({ value }) => value);
      const rows = readTrainingLog(files.log);
      expect(curve('loss/train')).toEqual(rows.map(({ train_loss: loss }) => Math.fround(loss)));
      expect(curve('loss/validation')).toEqual(rows.map(({ val_loss: loss }) => Math.fround(loss)));
      expect(curve('accuracy/gloss')).toEqual(rows.map(({ gloss_acc: accuracy }) => Math.fround(accuracy)));
      expect(curve('epoch/learning_rate')).toEqual(rows.map(({ lr }) => Math.fround(lr)));
      expect(points.filter(({ name }) => name === 'batch/loss').map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);

      await train({ resume: run, epochs: 3 });
      const further = eventFiles(run).flatMap(pointsOf);
      const epochs = further.filter(({ name }) => name === 'loss/train').map(({ step }) => step);
      expect(epochs.sort()).toEqual([1, 2, 3]);
    });
  });
});
