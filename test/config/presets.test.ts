import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { presetsFolder, readPreset, resolveLayers } from '../../src/config/resolve';
import { ownModels } from '../../src/models/model-table';

const presets = readdirSync(presetsFolder)
  .filter((file) => file.endsWith('.json') && file !== 'schema.json')
  .map((file) => file.slice(0, -'.json'.length));

describe('the shipped presets', () => {
  it.each(presets)('%s is valid, and names its model and its schema', (name) => {
    const preset = readPreset(name);
    expect(() => resolveLayers([preset], ownModels)).not.toThrow();
    expect(preset.values).toMatchObject({ $schema: './schema.json', model: expect.any(String) });
  });

  it('has two for each model: for data, and for the demo set', () => {
    for (const model of ownModels.names) expect(presets).toEqual(expect.arrayContaining([model, `${model}-demo`]));
  });

  it("gives the transformer the guide's 8 heads and 6 layers", () => {
    expect(readPreset('transformer').values).toMatchObject({ num_heads: 8, num_layers: 6, emb_dim: 256 });
  });
});
