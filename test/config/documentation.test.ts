import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { settingsDocumentation, settingsJsonSchema } from '../../src/config/documentation';
import { presetsFolder, readPreset } from '../../src/config/resolve';
import { ownModels } from '../../src/models/model-table';

const root = path.join(presetsFolder, '..');

describe('what is generated from the schemas (npm run docs writes it anew)', () => {
  it('docs/configuration.md is up to date', () => {
    const files = readdirSync(presetsFolder).filter((file) => file.endsWith('.json') && file !== 'schema.json');
    const presets = files.sort().map((file) => ({ file, values: readPreset(path.parse(file).name).values }));
    expect(readFileSync(path.join(root, 'docs/configuration.md'), 'utf8')).toBe(settingsDocumentation(presets, ownModels));
  });

  it('configs/schema.json is up to date', () => {
    expect(JSON.parse(readFileSync(path.join(presetsFolder, 'schema.json'), 'utf8'))).toEqual(settingsJsonSchema(ownModels));
  });

  it('documents every key of every model', () => {
    const page = settingsDocumentation([], ownModels);
    for (const name of ownModels.names) {
      for (const key of Object.keys(ownModels.get(name).settings.schema.shape)) expect(page).toContain(`| \`${key}\``);
    }
  });
});
