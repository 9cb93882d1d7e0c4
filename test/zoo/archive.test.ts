import { cpSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ModelFolder } from '../../src/folder/model-folder';
import { lockFolder } from '../../src/foundation/folder-lock';
import { archiveModel, restoreModel, planPruning, pruneModel } from '../../src/zoo/archive/archive-model';
import { archivedModels, readSidecar } from '../../src/zoo/archive/archived-models';
import { findModel, modelsIn, stageModel, stageNamed, type RegisteredModel } from '../../src/zoo/registered-models';
import { inTemporaryFolder } from '../support/clip-files';
import { addModel, contentOf, findingsOf, snapshotOf, writeEvaluation } from '../support/small-registry';

const facts = { now: new Date('2026-11-24T12:00:00Z'), kumpas: '0.0.0' };

describe('an archived model', () => {
  it('is listed, and comes back as it was: every file, its time, its two names, its stage', async () => {
    await inTemporaryFolder(async (root) => {
      const model = await addModel(root, 'kept');
      await stageModel(model, 'archived');
      mkdirSync(path.join(model.folder, 'exports'));
      writeFileSync(path.join(model.folder, 'exports', 'notes é.txt'), 'by hand');
      writeFileSync(path.join(model.folder, '.hidden'), '');
      const best = path.join(model.folder, 'SignTransformer_best.pt');
      utimesSync(best, new Date('2026-01-02T03:04:05Z'), new Date('2026-01-02T03:04:05Z'));
      const before = contentOf(model.folder);

      const archived = await archiveModel(root, model, facts);
      expect(existsSync(model.folder)).toBe(false);
      expect(archived.bytes).toBe(statSync(archived.archive).size);
      expect(archivedModels(root)).toMatchObject([{ name: model.name, type: 'transformer', stage: 'archived', folder: archived.archive }]);
      expect(() => findModel(root, model.name)).toThrow(/it is archived; npm run models -- restore/);
      expect(await findingsOf(root)).toEqual([]);

      expect(await restoreModel(root, model.name, undefined)).toEqual({ ...model, stage: 'archived' });
      expect(contentOf(model.folder)).toEqual(before);
      expect(statSync(best).mtime).toEqual(new Date('2026-01-02T03:04:05Z'));
      expect(statSync(best).ino).toBe(statSync(best.replace('best', 'last')).ino);
      expect(archivedModels(root)).toEqual([]);
      expect(snapshotOf(path.join(root, 'archive'))).toEqual([]);
      expect(await findingsOf(root)).toEqual([]);
    });
  });

  it('comes back under another name where its own is taken, and no archive is ever written over', async () => {
    await inTemporaryFolder(async (root) => {
      const model = await addModel(root, 'twice');
      await archiveModel(root, model, facts);
      const again = await addModel(root, 'twice', 'tiny_initial.pt');
      expect(again.folder).toBe(model.folder);
      const before = snapshotOf(root);
      await expect(restoreModel(root, model.name, undefined)).rejects.toThrow(/is there already and is another; .*--name/);
      await expect(archiveModel(root, again, facts)).rejects.toThrow(/another model of this name is archived already/);
      await expect(restoreModel(root, model.name, '../out')).rejects.toThrow(/--name: expected/);
      await expect(restoreModel(root, 'transformer_twise_11-24', undefined)).rejects.toThrow(/did you mean transformer_twice_11-24/);
      expect(snapshotOf(root)).toEqual(before);

      const restored = await restoreModel(root, model.name, 'transformer_first_11-24');
      expect(new ModelFolder(restored.folder).readConfig().run.name).toBe('transformer_first_11-24');
      await archiveModel(root, again, facts);
      expect(archivedModels(root).map(({ name }) => name)).toEqual([again.name]);
    });
  });

  it('is refused where it was damaged, and nothing is restored', async () => {
    await inTemporaryFolder(async (root) => {
      const { name, folder } = await addModel(root, 'damaged');
      const { archive, sidecar } = await archiveModel(root, { name, folder }, facts);
      const bytes = readFileSync(archive);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      writeFileSync(archive, bytes);
      const before = snapshotOf(root);
      await expect(restoreModel(root, name, undefined)).rejects.toThrow(/its checksum is not the one in .*nothing was restored/);
      expect(snapshotOf(root)).toEqual(before);
      expect(await findingsOf(root)).toEqual([expect.stringMatching(/^problem archive\/.*its checksum is not the one in/)]);
      // A sidecar that leads elsewhere is none.
      writeFileSync(sidecar, JSON.stringify({ ...readSidecar(sidecar), folder: '../elsewhere' }));
      await expect(restoreModel(root, name, undefined)).rejects.toThrow(/expected a folder of the registry/);
    });
  });

  it('is ended where an earlier call was killed before it had removed the one or the other', async () => {
    await inTemporaryFolder(async (root) => {
      const model = await addModel(root, 'killed');
      const copy = path.join(root, 'copy');
      cpSync(model.folder, copy, { recursive: true });
      const { archive, sidecar } = await archiveModel(root, model, facts);
      cpSync(copy, model.folder, { recursive: true });
      const before = readFileSync(sidecar, 'utf8');
      await archiveModel(root, model, { ...facts, now: new Date() });
      expect([existsSync(model.folder), readFileSync(sidecar, 'utf8')]).toEqual([false, before]);
      cpSync(copy, model.folder, { recursive: true });
      await restoreModel(root, model.name, undefined);
      expect([existsSync(model.folder), existsSync(archive), existsSync(sidecar)]).toEqual([true, false, false]);
      expect(contentOf(model.folder)).toEqual(contentOf(copy));
      // An archive that had not got its name yet.
      writeFileSync(sidecar, before);
      await archiveModel(root, model, facts);
      expect(archivedModels(root)).toHaveLength(1);
    });
  });

  it('stays a folder where it is in production, worked on, or holds what no archive keeps', async () => {
    await inTemporaryFolder(async (root) => {
      const model = await addModel(root, 'stays');
      symlinkSync('/etc/hostname', path.join(model.folder, 'link'));
      await expect(archiveModel(root, model, facts)).rejects.toThrow(/cannot be kept in an archive[^]*link: it is no file/);
      const other = await addModel(root, 'other');
      new ModelFolder(other.folder).updateRegistryFacts({ stage: 'production' });
      await expect(archiveModel(root, other, facts)).rejects.toThrow(/in production; .*stage .* development/);
      new ModelFolder(other.folder).updateRegistryFacts({ stage: undefined });
      const lock = lockFolder(other.folder, 'train');
      await expect(archiveModel(root, other, facts)).rejects.toThrow(/\(train\) is at work on it/);
      lock.release();
      await expect(archiveModel(root, { name: 'gone', folder: path.join(root, 'transformer', 'gone') }, facts)).rejects.toThrow(
        /no such folder any more/,
      );
      expect(modelsIn(root)).toHaveLength(2);
      expect(snapshotOf(path.join(root, 'archive'))).toEqual([]);
    });
  });
});

describe('a stage', () => {
  it('is written into config.json; production needs something to deploy', async () => {
    await inTemporaryFolder(async (root) => {
      const model = await addModel(root, 'staged');
      await expect(stageModel(model, 'production')).rejects.toThrow(/neither a production checkpoint nor a release; .*promote/);
      expect(await stageModel(model, 'archived')).toBe('development');
      expect(new ModelFolder(model.folder).readConfig().run.stage).toBe('archived');
      mkdirSync(path.join(model.folder, 'releases', 'v1.0.0'), { recursive: true });
      expect(await stageModel(model, 'production')).toBe('archived');
      expect(() => stageNamed('producton')).toThrow(/expected a stage, .*did you mean production\?/);
      expect(() => stageNamed(undefined)).toThrow(/found nothing/);
    });
  });
});

describe('pruning', () => {
  it('keeps the best on the same data, and what is released, promoted, worked on or cannot be compared', async () => {
    await inTemporaryFolder(async (root) => {
      const names = ['best', 'middle', 'worst', 'released', 'promoted', 'labelled', 'elsewhere', 'unknown', 'locked'];
      const models = new Map<string, RegisteredModel>();
      for (const name of names) models.set(name, await addModel(root, name));
      const of = (name: string): RegisteredModel => models.get(name) ?? { name: '', folder: '' };
      const accuracies = { best: 0.9, middle: 0.8, worst: 0.7, released: 0.1, promoted: 0.2, labelled: 0.95, locked: 0.3 };
      for (const [name, accuracy] of Object.entries(accuracies)) writeEvaluation(of(name).folder, accuracy);
      writeEvaluation(of('elsewhere').folder, 0.05, { fingerprint: 'e'.repeat(64) });
      new ModelFolder(of('released').folder).updateRegistryFacts({ version: '1.0.0' });
      writeFileSync(path.join(of('promoted').folder, 'SignTransformer_production.pt'), '');
      new ModelFolder(of('labelled').folder).updateRegistryFacts({ stage: 'archived' });
      const lock = lockFolder(of('locked').folder, 'train');

      const plan = planPruning(modelsIn(root), 1);
      const going = plan.filter(({ goes }) => goes).map(({ name }) => name);
      expect(going).toEqual(['labelled', 'middle', 'worst'].map((name) => of(name).name));
      expect(plan.find(({ name }) => name === of('middle').name)).toMatchObject({
        reason: 'number 2 of 6 on the same data',
        gloss_acc: 0.8,
      });
      const before = snapshotOf(root);
      expect(
        planPruning(modelsIn(root), 6)
          .filter(({ goes }) => goes)
          .map(({ name }) => name),
      ).toEqual([of('labelled').name]);
      expect(snapshotOf(root)).toEqual(before);

      await pruneModel(root, of('middle'), { ...facts, remove: false });
      await pruneModel(root, of('worst'), { ...facts, remove: true });
      await expect(pruneModel(root, of('released'), { ...facts, remove: true })).rejects.toThrow(/it stays: released as v1\.0\.0/);
      await expect(pruneModel(root, of('locked'), { ...facts, remove: true })).rejects.toThrow(/it stays: worked on/);
      lock.release();
      expect(archivedModels(root).map(({ name }) => name)).toEqual([of('middle').name]);
      expect(modelsIn(root)).toHaveLength(7);
    });
  });
});
