import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ImportRecord } from '../../src/folder/config-file';
import { ModelFolder, RunFolder } from '../../src/folder/model-folder';
import { inTemporaryFolder } from '../support/clip-files';

const record: ImportRecord = {
  settings: { lr: 0.1, model: 'transformer' },
  run: {
    name: 'transformer_one_11-24',
    folder: 'models/transformer_one_11-24',
    created: '2026-11-24T00:00:00.000Z',
    versions: { kumpas: '0.1.0' },
    imported_from: 'old.pt',
    notes: [],
    epoch: 3,
    parameters: 10,
    classes: { gloss: 2, category: 1 },
    model: { emb_dim: 8 },
  },
};

describe('config.json of a model folder', () => {
  it('is written and read through one schema, and keeps what that does not know, in its order', async () => {
    await inTemporaryFolder((folder) => {
      const files = new ModelFolder(folder);
      expect(files.hasConfig()).toBe(false);
      expect(() => files.readConfig()).toThrow(/config\.json: no such file/);
      files.writeConfig({ ...record, run: { ...record.run, of_another_program: [1, { two: 2 }] } });
      files.updateRegistryFacts({ version: '1.0.0', stage: 'production' });
      files.recordName('transformer_two_11-24', 'elsewhere');
      expect(files.registryFacts()).toEqual({ version: '1.0.0', stage: 'production' });
      expect(files.readConfig()).toMatchObject({ lr: 0.1, run: { name: 'transformer_two_11-24', of_another_program: [1, { two: 2 }] } });
      const { run } = JSON.parse(readFileSync(files.config, 'utf8')) as { run: object };
      expect(Object.keys(run)).toEqual([...Object.keys(record.run), 'of_another_program', 'version', 'stage']);
      files.updateRegistryFacts({ version: undefined });
      expect(files.registryFacts()).toEqual({ stage: 'production' });
    });
  });

  it('is not written where it could not be read again, and names what is wrong where somebody changed it', async () => {
    await inTemporaryFolder((folder) => {
      const files = new ModelFolder(folder);
      expect(() => {
        files.writeConfig({ ...record, run: { ...record.run, parameters: NaN } });
      }).toThrow(/parameters/);
      expect(files.hasConfig()).toBe(false);
      files.writeConfig(record);
      writeFileSync(files.config, readFileSync(files.config, 'utf8').replace('"gloss": 2', '"gloss": "two"'));
      expect(() => files.readConfig()).toThrow(/config\.json: run\.classes\.gloss: .*expected number/);
      expect(() => {
        files.updateRegistryFacts({ stage: 'archived' });
      }).toThrow(/run\.classes\.gloss/);
    });
  });
});

describe('the results of a checkpoint', () => {
  it('lie in evaluation_results where the folder stands for it, else under its own name, and those of a release beside it', async () => {
    await inTemporaryFolder((folder) => {
      const files = new RunFolder(folder, 'SignTransformer');
      const resultsOf = (checkpoint: string): string => path.relative(folder, ModelFolder.holding(checkpoint).resultsOf(checkpoint));
      writeFileSync(files.last, '');
      expect(resultsOf(files.last)).toBe('evaluation_results');
      writeFileSync(files.best, '');
      expect(resultsOf(files.best)).toBe('evaluation_results');
      expect(resultsOf(files.last)).toBe('evaluation_results_SignTransformer_last');
      const release = path.join(files.releases, 'v1.2.0');
      mkdirSync(release, { recursive: true });
      const released = path.join(release, 'SignTransformer_production.pt');
      writeFileSync(released, '');
      expect(resultsOf(released)).toBe('releases/v1.2.0/evaluation_results');
      writeFileSync(path.join(release, 'release.json'), '{}');
      expect(resultsOf(released)).toBe('evaluation_results_v1.2.0');
      expect(files.checkpointsThere('best')).toEqual(['SignTransformer_best.pt']);
    });
  });
});

describe('README.md of a model folder', () => {
  const page = {
    title: 'one',
    introduction: ['Made with Kumpas 0.1.0.'],
    sections: [{ heading: 'Figures', figures: ['none yet'], lines: ['More.'] }],
  };

  it('keeps what a person wrote, a page without any mark of Kumpas as a whole, and takes new figures', async () => {
    await inTemporaryFolder((folder) => {
      const files = new ModelFolder(folder);
      const text = (): string => readFileSync(files.readme, 'utf8');
      files.writeFigures(() => ['never asked for']);
      writeFileSync(files.readme, '# Mine\n\nWritten by me.\n');
      expect(files.writeReadme(page)).toEqual({ changed: true, tookOver: true });
      expect(text()).toContain('Written by me.');
      expect(files.writeReadme(page)).toEqual({ changed: false, tookOver: false });
      writeFileSync(
        files.readme,
        text().replace(
          'none yet',
          'none yet\n\n<!-- by hand: what stands between these two lines stays as it is -->\nmy remark\n<!-- end of by hand -->',
        ),
      );
      files.writeFigures(() => ['84.6 %']);
      expect(text()).toMatch(/84\.6 %[^]*end of figures -->[^]*my remark[^]*More\.[^]*Written by me\./);
      expect(text()).not.toContain('none yet');
    });
  });
});
