import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ModelFolder } from '../../src/folder/model-folder';
import { lockFolder } from '../../src/foundation/folder-lock';
import { archiveModel } from '../../src/zoo/archive/archive-model';
import { checksumOf } from '../../src/zoo/checksums';
import { parseManifest } from '../../src/zoo/pack/manifest';
import { packModel, type PackedModel } from '../../src/zoo/pack/pack-model';
import { unpackModel, verify } from '../../src/zoo/pack/unpack-model';
import type { RegisteredModel } from '../../src/zoo/registered-models';
import { inTemporaryFolder } from '../support/clip-files';
import { torchFolder } from '../support/parity';
import { addModel, contentOf, findingsOf, snapshotOf } from '../support/small-registry';

const pack = (model: RegisteredModel, out: string, withLast = false): Promise<PackedModel> =>
  packModel({ model, out, withLast, kumpas: '0.0.0' });

/** A model with something of everything that a folder may hold. */
async function fullModel(root: string): Promise<RegisteredModel> {
  const model = await addModel(root, 'full');
  const at = (name: string): string => path.join(model.folder, name);
  for (const folder of ['evaluation_results', 'exports', 'releases/v1.0.0/evaluation_results', 'examples'])
    mkdirSync(at(folder), { recursive: true });
  for (const file of [
    'CHANGELOG.md',
    'evaluation_results/report.html',
    'exports/model.bin',
    'notes.txt',
    '.hidden',
    'examples/mine.py',
    'performance_history.csv',
  ])
    writeFileSync(at(file), file);
  copyFileSync(path.join(torchFolder, 'tiny_full.pt'), at('SignTransformer_production.pt'));
  copyFileSync(path.join(torchFolder, 'tiny_full.pt'), at('releases/v1.0.0/SignTransformer_production.pt'));
  writeFileSync(at('releases/v1.0.0/evaluation_results/predictions.csv'), '');
  return model;
}

describe('a pack', () => {
  it('holds what others need, a manifest of it, and examples; and is the same bytes every time, wherever it was unpacked', async () => {
    await inTemporaryFolder(async (folder) => {
      const model = await fullModel(path.join(folder, 'registry'));
      const packed = await pack(model, path.join(folder, 'out', 'one.tar.gz'));
      expect(packed.files.map((file) => file.path)).toEqual([
        'CHANGELOG.md',
        'README.md',
        'SignTransformer_best.pt',
        'SignTransformer_production.pt',
        'config.json',
        'evaluation_results/report.html',
        'examples/load_in_kumpas.sh',
        'examples/load_in_pytorch.py',
        'examples/request_over_http.py',
        'performance_history.csv',
        'releases/v1.0.0/SignTransformer_production.pt',
        'releases/v1.0.0/evaluation_results/predictions.csv',
        'training_log.txt',
      ]);
      expect(packed.leftOut).toEqual(['.hidden', 'SignTransformer_last.pt', 'exports/model.bin', 'notes.txt']);
      for (const { path: inner } of packed.files.filter((file) => !file.path.startsWith('examples/'))) {
        utimesSync(path.join(model.folder, inner), new Date(0), new Date(0));
        chmodSync(path.join(model.folder, inner), 0o600);
      }
      const again = await pack(model, path.join(folder, 'two.tar.gz'));
      expect(again.sha256).toBe(packed.sha256);
      // Once more onto the same file is well, onto another one not.
      await pack(model, packed.file);
      writeFileSync(path.join(folder, 'taken.tar.gz'), 'mine');
      await expect(pack(model, path.join(folder, 'taken.tar.gz'))).rejects.toThrow(/is there already and is another; .*--out/);
      expect(readFileSync(path.join(folder, 'taken.tar.gz'), 'utf8')).toBe('mine');

      const unpacked = await unpackModel(packed.file, path.join(folder, 'elsewhere'), undefined);
      expect(contentOf(unpacked.folder).filter((file) => file.path !== 'manifest.json')).toEqual(packed.files);
      const repacked = await pack({ name: unpacked.name, folder: unpacked.folder }, path.join(folder, 'three.tar.gz'));
      expect(repacked.sha256).toBe(packed.sha256);
      expect((await pack(model, path.join(folder, 'last.tar.gz'), true)).files.map((file) => file.path)).toContain(
        'SignTransformer_last.pt',
      );
      expect(snapshotOf(folder).filter((line) => line.includes('.tmp'))).toEqual([]);
      // Any tar can open it.
      const listed = spawnSync('tar', ['-tzf', packed.file], { encoding: 'utf8' });
      if (listed.error === undefined) expect(listed.stdout.trim().split('\n')).toHaveLength(packed.files.length + 1);
    });
  });

  it('is unpacked under another name as a model of its own', async () => {
    await inTemporaryFolder(async (folder) => {
      const model = await addModel(path.join(folder, 'registry'), 'mine');
      const { file } = await pack(model, path.join(folder, 'mine.tar.gz'));
      const root = path.join(folder, 'elsewhere');
      const { folder: unpacked } = await unpackModel(file, root, 'transformer_yours_11-24');
      expect(new ModelFolder(unpacked).readConfig().run.name).toBe('transformer_yours_11-24');
      expect(parseManifest(readFileSync(path.join(unpacked, 'manifest.json'), 'utf8'), '').name).toBe('transformer_yours_11-24');
      expect(readFileSync(path.join(unpacked, 'examples', 'load_in_kumpas.sh'), 'utf8')).toContain('transformer/transformer_yours_11-24');
      expect((await verify(root, 'transformer_yours_11-24')).findings).toEqual([]);
      expect(await findingsOf(root)).toEqual([]);
    });
  });

  it('is refused of what cannot be used, or is worked on', async () => {
    await inTemporaryFolder(async (folder) => {
      const model = await addModel(folder, 'broken');
      const out = path.join(folder, 'x.tar.gz');
      const best = path.join(model.folder, 'SignTransformer_best.pt');
      const lock = lockFolder(model.folder, 'train');
      await expect(pack(model, out)).rejects.toThrow(/\(train\) is at work on it/);
      lock.release();
      rmSync(best);
      await expect(pack(model, out)).rejects.toThrow(/holds no _best\.pt to pack; .*--with-last/);
      expect((await pack(model, path.join(folder, 'last.tar.gz'), true)).files.length).toBeGreaterThan(4);
      const last = path.join(model.folder, 'SignTransformer_last.pt');
      renameSync(last, path.join(folder, 'kept.pt'));
      await expect(pack(model, out)).rejects.toThrow(/it holds no checkpoint to pack; train the model first$/);
      renameSync(path.join(folder, 'kept.pt'), last);
      copyFileSync(path.join(torchFolder, 'bad_wrong_shape.pt'), best);
      await expect(pack(model, out)).rejects.toThrow(/it is not packed: .*do not fit/);
      writeFileSync(path.join(model.folder, 'CON.txt'), '');
      await expect(pack(model, out)).rejects.toThrow(/CON\.txt: its name is that of a device/);
      expect(existsSync(out)).toBe(false);
    });
  });
});

describe('verify', () => {
  it('tells whether a pack, an archive or a folder is what it was', async () => {
    await inTemporaryFolder(async (folder) => {
      const root = path.join(folder, 'registry');
      const model = await addModel(root, 'sent');
      const { file } = await pack(model, path.join(folder, 'sent.tar.gz'));
      expect((await verify(root, file)).verified[0]).toMatch(/^\d+ files have the sizes and checksums of manifest\.json/);
      const elsewhere = path.join(folder, 'elsewhere');
      const { folder: unpacked, name } = await unpackModel(file, elsewhere, undefined);
      expect((await verify(elsewhere, name)).findings).toEqual([]);

      copyFileSync(path.join(torchFolder, 'tiny_initial.pt'), path.join(unpacked, 'SignTransformer_best.pt'));
      writeFileSync(path.join(unpacked, 'README.md'), 'written anew');
      rmSync(path.join(unpacked, 'examples'), { recursive: true });
      const { findings } = await verify(elsewhere, name);
      const told = findings.map(({ severity, place, what }) => `${severity} ${place} ${what}`);
      expect(told).toContain('problem SignTransformer_best.pt its checksum is not the one in manifest.json');
      expect(told).toContain('remark README.md its checksum is not the one in manifest.json');
      expect(told).toContain('remark examples/load_in_pytorch.py it is missing, and manifest.json has it');

      const { archive } = await archiveModel(root, model, { now: new Date(), kumpas: '0.0.0' });
      expect((await verify(root, model.name)).place).toBe(archive);
      cpSync(file, path.join(folder, 'copy'));
      renameSync(path.join(folder, 'copy'), archive);
      expect(checksumOf(archive)).toBe(checksumOf(file));
      await expect(verify(root, model.name)).rejects.toThrow(/its checksum is not the one that was taken/);
      await expect(verify(root, path.join(folder, 'none.tar.gz'))).rejects.toThrow(/no such file/);
      await expect(verify(root, 'transformer_none_11-24')).rejects.toThrow(/holds no such model/);
    });
  });
});
