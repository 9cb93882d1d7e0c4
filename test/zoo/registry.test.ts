import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { registry } from '../../src/index';
import { trainedZoo } from '../support/small-zoo';

const { inZoo } = trainedZoo();

describe('the registry as a library', () => {
  it('lists, releases, tells what changed, packs, unpacks, verifies, archives and restores', async () => {
    await inZoo(async ({ root, model: { name }, data }) => {
      expect(registry.list({ root }).map((model) => model.name)).toEqual([name]);
      const events: string[] = [];
      const { release } = await registry.release(
        name,
        { root, bump: 'major', notes: ['The first'], data: { data } },
        { onEvent: ({ kind }) => events.push(kind) },
      );
      expect(release.record.version).toBe('1.0.0');
      expect(events).toContain('clips-read');
      expect(registry.show(name, { root })).toMatchObject({ summary: { name, version: '1.0.0', stage: 'production' } });
      expect(registry.changelog(name, { root })).toMatchObject([{ version: '1.0.0' }]);
      expect(registry.diff(name, { root })).toMatchObject({ architecture: [], settings: [] });
      expect((await registry.check({ root })).findings.filter(({ severity }) => severity === 'problem')).toEqual([]);

      const out = path.join(path.dirname(root), 'pack.tar.gz');
      await registry.pack(name, { root, out });
      const elsewhere = path.join(path.dirname(root), 'elsewhere');
      await registry.unpack(out, { root: elsewhere });
      expect((await registry.verify(name, { root: elsewhere })).findings).toEqual([]);

      await registry.stage(name, 'development', { root });
      await registry.archive(name, { root });
      expect(registry.list({ root })).toMatchObject([{ name, stage: 'archived' }]);
      expect(await registry.restore(name, { root })).toMatchObject({ name, stage: 'development' });
      expect(readdirSync(path.join(root, 'transformer'))).toEqual([name]);
    });
  });

  it('says in one line what is wrong with an option', async () => {
    await inZoo(async ({ root, model: { name } }) => {
      await expect(registry.promote(name, { root, data: { batch_size: 0 } })).rejects.toThrow(/^promote\(\).*batch_size/);
      await expect(registry.card('no_such_model', { root })).rejects.toThrow(/holds no such model/);
    });
  });
});
