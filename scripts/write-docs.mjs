// Writes what is generated from the settings' schemas: docs/configuration.md and configs/schema.json. Run with `npm run docs`.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { settingsDocumentation, settingsJsonSchema } from '../src/config/documentation.ts';
import { ownModels } from '../src/models/model-table.ts';

const root = new URL('../', import.meta.url);

const presets = readdirSync(new URL('configs/', root))
  .filter((file) => file.endsWith('.json') && file !== 'schema.json')
  .sort()
  .map((file) => ({ file, values: JSON.parse(readFileSync(new URL(`configs/${file}`, root), 'utf8')) }));

await write('docs/configuration.md', settingsDocumentation(presets, ownModels));
await write('configs/schema.json', JSON.stringify(settingsJsonSchema(ownModels)));

async function write(name, text) {
  const file = new URL(name, root);
  const options = await resolveConfig(file);
  writeFileSync(file, await format(text, { ...options, filepath: file.pathname }));
  console.log(`wrote ${name}`);
}
