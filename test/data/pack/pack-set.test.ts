import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { evaluate, openClips, packSet, predict, unpackSet, type WorkEvent } from '../../../src';
import { readCollection } from '../../../src/data/collections/read-collection';
import { DataError } from '../../../src/data/data-error';
import type { NpyArray } from '../../../src/data/npy-array';
import { formatNpy } from '../../../src/data/npy-write';
import { formatNpz, openNpy, openNpz } from '../../../src/data/npz';
import { startRuntime } from '../../../src/engine/runtime';
import { UserError } from '../../../src/foundation/errors';
import type { TrainingRun } from '../../../src/training/run';
import { readTrainingCheckpoint } from '../../../src/checkpoint/training-checkpoint';
import { optimizerForms } from '../../../src/engine/optimizers/table';
import { clipArrays, clipValues, inTemporaryFolder, writeDataFolder } from '../../support/clip-files';
import { kumpasProgram, sharedCommands } from '../../support/commands';
import { smallSettings, trainSmall, writeSmallData } from '../../support/small-training';

const { kumpasIn } = sharedCommands();

beforeAll(async () => {
  await startRuntime();
});

/** Every file of a folder with its bytes, by its path from it. */
function filesOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [path.relative(folder, file), readFileSync(file).toString('base64')]),
  );
}

/** Weights and the optimiser's state, bit for bit, and the log. */
function outcome({ learner, folder }: TrainingRun): unknown {
  const names = learner.model.parameters.filter(({ trainable }) => trainable).map(({ name }) => name);
  const { model, optimizer } = readTrainingCheckpoint(folder.files.last, names, optimizerForms);
  return { weights: [...model], optimizer, log: readFileSync(folder.files.log, 'utf8') };
}

describe('a packed set', () => {
  it('gives the same clips, in the same order, under the same fingerprint and in the same batches, from memory and from the file', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const { file } = await packSet({ data, out: path.join(folder, 'set.kumpas.safetensors') });
      for (const split of ['train', 'validation'] as const) {
        for (const memoryBudget of [1e9, 0]) {
          const [ofFolder, ofPack] = [await openClips({ data, split, memoryBudget }), await openClips({ data: file, split, memoryBudget })];
          expect(ofPack.fingerprint).toBe(ofFolder.fingerprint);
          expect(ofPack.entries).toEqual(ofFolder.entries.map((entry) => ({ ...entry, file: entry.file.replace(data, file) })));
          expect((await ofPack.read(3)).values).toEqual((await ofFolder.read(3)).values);
          const batches = ofFolder.batches({ batchSize: 4, epoch: 2 });
          for await (const batch of ofPack.batches({ batchSize: 4, epoch: 2 })) expect(batch).toEqual((await batches.next()).value);
          expect((await batches.next()).done).toBe(true);
        }
      }
    });
  });

  it('trains to the same weights, bit for bit, read as it is trained on; evaluate takes it too', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder, { train: 20, val: 8 });
      const { file } = await packSet({ data, out: path.join(folder, 'set.kumpas.safetensors') });
      const typed = { epochs: '2', memory_budget_mb: '0.001' };
      const ofFolder = await trainSmall(smallSettings(folder, typed));
      const ofPack = await trainSmall(smallSettings(folder, { ...typed, data: file }));
      expect(outcome(ofPack.run)).toEqual(outcome(ofFolder.run));
      const scored = async (from: string): Promise<unknown> =>
        (await evaluate({ model: ofPack.run.folder.files.folder, data: from, out: path.join(folder, 'results') })).result.gloss;
      expect(await scored(file)).toEqual(await scored(data));
      const predictedOf = async (from: string): Promise<unknown> => {
        const { predictions } = await predict({ model: ofPack.run.folder.files.folder, input: path.join(from, 'keypoints_val') });
        return predictions.map((prediction) => ({ ...prediction, file: path.relative(from, prediction.file) }));
      };
      expect(await predictedOf(file)).toEqual(await predictedOf(data));
    });
  });

  it('keeps every array of every clip, of any type and order, and every table byte for byte', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = path.join(folder, 'data');
      writeDataFolder(data, {
        train: [{ name: 'odd', gloss: 0, category: 0, frames: 5 }],
        val: [{ name: 'v', gloss: 0, category: 0, frames: 4 }],
      });
      const more: Record<string, NpyArray> = {
        '2': { dtype: 'uint16', shape: [2, 3], values: Uint16Array.of(1, 2, 3, 4, 5, 65_535) },
        ...clipArrays(5, 3),
        X2048: { dtype: 'float32', shape: [5, 2048], values: clipValues(5, 4, 2048) },
        depth: { dtype: 'float64', shape: [], values: Float64Array.of(Math.PI) },
        big: { dtype: 'uint64', shape: [1], values: BigUint64Array.of(2n ** 64n - 1n) },
        small: { dtype: 'int8', shape: [3], values: Int8Array.of(-128, 0, 127) },
        empty: { dtype: 'float32', shape: [0, 156], values: new Float32Array(0) },
        meta: { dtype: 'text', shape: [], values: ['{"sign": "谢谢 👋"}'] },
      };
      writeFileSync(path.join(data, 'keypoints_train/odd.npz'), formatNpz(more, { compress: false }));
      mkdirSync(path.join(data, 'keypoints_train/deeper'));
      writeFileSync(
        path.join(data, 'keypoints_train/deeper/é.npy'),
        formatNpy({ dtype: 'float32', shape: [6, 156], values: clipValues(6) }),
      );
      writeFileSync(path.join(data, 'train_labels.csv'), '\uFEFFfile;gloss;cat\r\nodd;0;0\r\n"deeper/é";0;0\r\n');
      writeFileSync(path.join(data, 'keypoints_train/film.mp4'), 'a film');
      const before = filesOf(data);
      const packed = await packSet({ data, out: path.join(folder, 'set.safetensors') });
      expect(packed).toMatchObject({
        clips: 3,
        tables: ['train_labels.csv', 'val_labels.csv'],
        leftOut: [expect.stringMatching(/^1 file \.mp4: /)],
      });
      expect(filesOf(data)).toEqual(before);
      const { folder: again } = await unpackSet({ pack: packed.file, out: path.join(folder, 'again') });
      for (const table of packed.tables) expect(readFileSync(path.join(again, table))).toEqual(readFileSync(path.join(data, table)));
      const npz = await openNpz(path.join(again, 'keypoints_train/odd.npz'));
      expect(npz.keys).toEqual(Object.keys(more));
      for (const [key, array] of Object.entries(more)) expect(await npz.read(key)).toEqual(array);
      const npy = await openNpy(path.join(again, 'keypoints_train/deeper/é.npy'), 'X');
      expect(await npy.read('X')).toMatchObject({ shape: [6, 156], values: clipValues(6) });
      // What was packed of what was unpacked is the same file.
      rmSync(path.join(data, 'keypoints_train/film.mp4'));
      const twice = await packSet({ data: again, out: path.join(folder, 'twice.safetensors') });
      expect(readFileSync(twice.file).equals(readFileSync(packed.file))).toBe(true);
      expect((await openClips({ data: packed.file })).fingerprint).toBe((await openClips({ data: again })).fingerprint);
    });
  });

  it('may be a collection, or a set of features', async () => {
    await inTemporaryFolder(async (folder) => {
      const collection = path.join(folder, 'collection');
      mkdirSync(path.join(collection, 'keypoints/hello'), { recursive: true });
      for (const name of ['a', 'b', 'c', 'd'])
        writeFileSync(path.join(collection, `keypoints/hello/${name}.npz`), formatNpz(clipArrays(6)));
      writeFileSync(
        path.join(collection, 'labels.csv'),
        'file,gloss,signer\nhello/a,HELLO,1\nhello/b,HELLO,2\nhello/c,HELLO,1\nhello/d,HELLO,2\n',
      );
      const packed = await packSet({ data: collection, out: path.join(folder, 'collection.safetensors') });
      const read = await readCollection(packed.file);
      expect(read.clips.map(({ label, cell }) => [label.name, cell('signer')])).toEqual([
        ['hello/a', '1'],
        ['hello/b', '2'],
        ['hello/c', '1'],
        ['hello/d', '2'],
      ]);
      expect(await openClips({ data: packed.file, valShare: 0.25, split: 'validation' })).toHaveLength(1);

      const features = path.join(folder, 'features');
      for (const split of ['train', 'val']) {
        mkdirSync(path.join(features, `features_${split}`), { recursive: true });
        const X2048 = { dtype: 'float32', shape: [4, 2048], values: clipValues(4, split.length, 2048) } as const;
        writeFileSync(path.join(features, `features_${split}/${split}.npz`), formatNpz({ X2048 }));
        writeFileSync(path.join(features, `${split}_labels.csv`), `file,gloss,cat\n${split},0,0\n`);
      }
      const { file } = await packSet({ data: features, out: path.join(folder, 'features.safetensors') });
      const [clip] = [await (await openClips({ data: file, kind: 'features' })).read(0)];
      expect(clip.values).toEqual(clipValues(4, 5, 2048));
    });
  });
});

describe('packing', () => {
  it('tells of every clip that cannot be read, and writes nothing', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      writeFileSync(path.join(data, 'keypoints_train/train_3.npz'), 'no zip');
      const damaged = readFileSync(path.join(data, 'keypoints_val/val_2.npz'));
      damaged.fill(0, 200, 300);
      writeFileSync(path.join(data, 'keypoints_val/val_2.npz'), damaged);
      const out = path.join(folder, 'set.safetensors');
      const packing = packSet({ data, out });
      await expect(packing).rejects.toThrow(DataError);
      await expect(packing).rejects.toThrow(/data: 2 problems in 2 files\n.*train_3\.npz: it is no \.npz.*\n.*val_2\.npz: .*damaged/);
      expect(readdirSync(folder)).toEqual(['data']);
    });
  });

  it('refuses what is no set, a name that other tools would not know, and a file that is something else', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const out = path.join(folder, 'weights.safetensors');
      writeFileSync(out, 'weights');
      await expect(packSet({ data, out })).rejects.toThrow(
        `${out}: it is there and is no pack of clips, so it is not replaced; choose another name`,
      );
      await expect(packSet({ data, out: path.join(folder, 'set.zip') })).rejects.toThrow(/expected a name that ends in \.safetensors/);
      await expect(packSet({ data: path.join(data, 'keypoints_val'), out: path.join(folder, 'x.safetensors') })).rejects.toThrow(
        /keypoints_val: no set to pack; expected .* Found: 7 \.npz/,
      );
      const pictures = path.join(folder, 'pictures');
      mkdirSync(path.join(pictures, 'frames_train'), { recursive: true });
      await expect(packSet({ data: pictures })).rejects.toThrow(/frames_train: clips of pictures are not packed; npm run features makes/);
      await expect(packSet({ data: path.join(folder, 'nothing') })).rejects.toThrow(/no such folder/);
      const { file } = await packSet({ data, out: path.join(folder, 'set.safetensors') });
      await expect(packSet({ data: file })).rejects.toThrow(/it is a pack already/);
      await expect(unpackSet({ pack: file, out: data })).rejects.toThrow(`${data}: it is there already; choose another folder with --out`);
      // A pack takes the place of a pack.
      expect((await packSet({ data, out: file })).clips).toBe(29);
    });
  });

  it('ends at the next clip where it is asked to, and leaves nothing', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      for (const kind of ['clips-read', 'clips-written'] as const) {
        const controller = new AbortController();
        const onEvent = (event: WorkEvent): void => {
          if (event.kind === kind && event.done === 5) controller.abort(new UserError('enough'));
        };
        await expect(packSet({ data, out: path.join(folder, 'set.safetensors') }, { signal: controller.signal, onEvent })).rejects.toThrow(
          'enough',
        );
        expect(readdirSync(folder)).toEqual(['data']);
      }
    });
  });

  it('loses nothing to kill -9: no half pack, the folder as it was; typed again it is made whole', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = path.join(folder, 'data');
      const clip = (name: string) => ({ name, gloss: 0, category: 0, frames: 60, seed: 3 });
      writeDataFolder(data, { train: [clip('t0')], val: [clip('v0')] });
      const lines = ['file,gloss,cat'];
      for (let index = 0; index < 300; index++) {
        cpSync(path.join(data, 'keypoints_train/t0.npz'), path.join(data, `keypoints_train/clip_${index}.npz`));
        lines.push(`clip_${index},0,0`);
      }
      writeFileSync(path.join(data, 'train_labels.csv'), `${lines.join('\n')}\n`);
      const before = filesOf(data);
      const places = path.join(folder, 'packs');
      mkdirSync(places);
      const child = spawn(process.execPath, [...kumpasProgram, 'data', 'pack', data, '-o', path.join(places, 'set.safetensors')], {
        stdio: 'ignore',
      });
      const watcher = watch(places, () => child.kill('SIGKILL'));
      const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
      watcher.close();
      expect(signal).toBe('SIGKILL');
      expect(readdirSync(places)).toEqual([expect.stringMatching(/^\.set\.safetensors\.[0-9a-f]{8}\.tmp$/)]);
      expect(filesOf(data)).toEqual(before);
      const { code, output } = await kumpasIn(folder, 'data', 'pack', 'data', '-o', 'packs/set.safetensors', '--json');
      expect(code).toBe(0);
      expect(JSON.parse(output)).toMatchObject({ file: 'packs/set.safetensors', clips: 302 });
      expect(readdirSync(places)).toEqual(['set.safetensors']);
      expect((await kumpasIn(folder, 'data', 'unpack', 'packs/set.safetensors', '-o', 'again')).code).toBe(0);
      expect(filesOf(path.join(folder, 'again'))).toEqual(before);
    });
  });
});

describe('a pack that is not as it should be', () => {
  it('is refused in a line, whatever is wrong', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const { file } = await packSet({ data, out: path.join(folder, 'set.safetensors') });
      const good = readFileSync(file);
      const length = Number(good.readBigUInt64LE(0));
      const header = good.toString('utf8', 8, 8 + length);
      const bad = path.join(folder, 'bad.safetensors');
      const problemOf = async (bytes: Buffer): Promise<string> => {
        writeFileSync(bad, bytes);
        return openClips({ data: bad }).then(
          () => 'none',
          (error: unknown) => (error instanceof UserError ? error.message : `a bug: ${String(error)}`),
        );
      };
      const withHeader = (text: string): Buffer => {
        expect(text).not.toBe(header);
        const start = Buffer.alloc(8);
        start.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
        return Buffer.concat([start, Buffer.from(text), good.subarray(8 + length)]);
      };
      expect(await problemOf(good)).toBe('none');
      expect(await problemOf(good.subarray(0, good.length - 9))).toMatch(
        /bad\.safetensors: its tensors have \d+ bytes, the file holds \d+: .* cut off or damaged$/,
      );
      expect(await problemOf(good.subarray(0, 500))).toMatch(/bad\.safetensors: /);
      expect(await problemOf(Buffer.from('PK'))).toMatch(
        /it is no safetensors file, which a pack of clips is; npm run data -- pack DIR makes one/,
      );
      expect(await problemOf(withHeader(header.replace('"kumpas-set"', '"pt"')))).toMatch(
        /but no pack of clips \(are they weights of a model\?\)/,
      );
      expect(await problemOf(withHeader(header.replace('"version":"1"', '"version":"2"')))).toMatch(
        /a pack of version 2, and version 1 is read/,
      );
      expect(await problemOf(withHeader(header.replace('keypoints_train/train_0.npz/X', '../../etc/passwd')))).toMatch(
        /leads out of the pack/,
      );
      expect(await problemOf(withHeader(header.replace('"crc32"', '"crc33"')))).toMatch(/it has no "crc32" of \d+ U32/);
      expect(await problemOf(withHeader(header.replace('[\\"meta\\"]', '{}')))).toMatch(/its metadata "texts" is no list of names/);
      const flipped = Buffer.from(good);
      flipped[8 + length + 5000] = 255 - (flipped[8 + length + 5000] ?? 0);
      expect(await problemOf(flipped)).toMatch(/array "(X|timestamps_ms)" is damaged: its checksum \(CRC-32\) does not match/);
      await expect(unpackSet({ pack: bad, out: path.join(folder, 'again') })).rejects.toThrow(/is damaged/);
      expect(existsSync(path.join(folder, 'again'))).toBe(false);
    });
  });

  it('is found where it is replaced while it is in use', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const file = path.join(folder, 'set.safetensors');
      await packSet({ data, out: file });
      const clips = await openClips({ data: file, memoryBudget: 0 });
      const { values } = await clips.read(1);
      rmSync(path.join(data, 'keypoints_train/train_0.npz'));
      renameSync(path.join(data, 'keypoints_train/train_1.npz'), path.join(data, 'keypoints_train/train_0.npz'));
      await packSet({ data, out: file });
      await expect(clips.read(1)).rejects.toThrow(/train_1\.npz: no such file/);
      expect((await clips.read(0)).values.length).toBe(values.length); // As of a folder whose files are replaced.
    });
  });
});
