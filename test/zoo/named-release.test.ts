import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { compare } from '../../src/evaluation/compare/compare';
import { comparisonJson, comparisonText, judgementText } from '../../src/evaluation/compare/comparison-text';
import { ModelFolder } from '../../src/folder/model-folder';
import { findModelOrRelease, placeOf, releaseBefore, releaseFolders } from '../../src/zoo/registered-models';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { addSmallModel, smallRegistry } from '../support/registered-model';

beforeAll(async () => {
  await useBackend('cpu');
});

describe('a model or a release, by name', () => {
  it('is found, and so is what it is compared with', async () => {
    await inTemporaryFolder(async (folder) => {
      const { root, name, folder: first } = await smallRegistry(folder);
      const second = await addSmallModel(folder, root, { description: 'longer', lr: '1e-2' });
      expect(releaseBefore(root, findModelOrRelease(root, name))).toBeUndefined();
      for (const version of ['v1.9.0', 'v1.10.0', 'notes', 'v2'])
        cpSync(path.join(first, 'evaluation_results'), path.join(first, 'releases', version, 'evaluation_results'), { recursive: true });
      mkdirSync(path.join(first, 'releases', '.v1.11.0.deadbeef.tmp'));
      expect(releaseFolders(first).map(({ version }) => version)).toEqual(['1.10.0', '1.9.0']);
      expect(releaseBefore(root, findModelOrRelease(root, name))?.title).toBe(`${name}@1.10.0`);
      expect(releaseBefore(root, findModelOrRelease(root, `${name}@1.10.0`))?.title).toBe(`${name}@1.9.0`);
      expect(releaseBefore(root, findModelOrRelease(root, `${name}@v1.9.0`))).toBeUndefined();
      expect(placeOf(findModelOrRelease(root, `${name}@1.9.0`))).toEqual({
        title: `${name}@1.9.0`,
        folder: path.join(first, 'releases', 'v1.9.0'),
      });
      expect(() => findModelOrRelease(root, `${name}@3.0.0`)).toThrow(`${name}: no release "3.0.0"; it has 1.10.0, 1.9.0`);
      expect(() => findModelOrRelease(root, `${second.name}@1.0.0`)).toThrow(/it has no releases/);
      for (const hostile of ['../x@1.0.0', `${name}@../../x`, `${name}@1/../x`, '', '-x'])
        expect(() => findModelOrRelease(root, hostile)).toThrow();

      expect(releaseBefore(root, findModelOrRelease(root, second.name))).toBeUndefined();
      new ModelFolder(second.folder).updateRegistryFacts({ follows: name });
      const baseline = releaseBefore(root, findModelOrRelease(root, second.name));
      expect(baseline?.title).toBe(`${name}@1.10.0`);

      const models = [baseline?.folder ?? '', second.folder];
      const titles = new Map([[models[0] ?? '', baseline?.title ?? '']]);
      const { comparison, regressions } = await compare({ models, titles, batch_size: 4, fail_if_worse: 0.99 });
      expect(regressions).toEqual([]);
      const printed = comparisonText(comparison) + judgementText(comparison);
      expect(printed).toMatch(new RegExp(`${second.name} beside ${name}@1\\.10\\.0\\n[^]* {2}verdict {2}`));
      expect(JSON.parse(comparisonJson(comparison))).toMatchObject({
        baseline: { title: `${name}@1.10.0`, clips: 7 },
        judgements: [{ model: second.folder }],
      });
    });
  });
});
