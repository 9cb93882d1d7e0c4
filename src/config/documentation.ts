import { z } from 'zod';
import { elementAt } from '../foundation/required';
import { flagOf } from './layers';
import { factsOf, type SettingFacts, type SettingGroup, type SettingShape } from './setting';
import { settingsOf, type KnownModels, type ModelSettings } from './model-settings';

/** A shipped preset's values by key. */
export interface Preset {
  /** Its file's name. */
  readonly file: string;
  readonly values: Readonly<Record<string, unknown>>;
}

const GROUPS: readonly SettingGroup[] = ['Model', 'Data', 'Augmentation', 'Training', 'Output'];

const INTRODUCTION = `# Configuration

<!-- Generated from the schemas in src/config by \`npm run docs\`: change them, not this page. -->

A setting has one name everywhere: \`batch_size\` in a configuration file and in \`config.json\`, \`--batch-size\` on the command line
(\`--batch_size\` is understood too). Later places win over earlier ones:

1. the default below;
2. the preset of the model, \`configs/<model>.json\`, or \`configs/<model>-demo.json\` where no data is given;
3. the file named with \`--config\`;
4. the command line.

A configuration file is one JSON object. It needs only the keys it changes; \`"$schema": "./schema.json"\` gives completion in editors. A key or flag
that does not exist, or does not belong to the chosen model, is refused. Where a setting may be none, write \`null\` in a file and
\`none\` (or \`--no-grad-clip\`) on the command line.
`;

/** The page on all settings, in Markdown. */
export function settingsDocumentation(presets: readonly Preset[], models: KnownModels): string {
  const sections = allSettings(models).map(({ model, schema }) => `## Settings of ${model}\n\n${tablesOf(schema.shape)}`);
  return `${[INTRODUCTION.trimEnd(), ...sections, presetsSection(presets, models)].join('\n\n')}\n`;
}

/** A JSON schema of configuration files, for editors. */
export function settingsJsonSchema(models: KnownModels): Record<string, unknown> {
  const schemas = allSettings(models).map(({ schema }) => schema.extend({ $schema: z.string().optional() }));
  const [only, second] = schemas;
  const schema = only !== undefined && second === undefined ? only : z.union(schemas);
  return { title: 'Kumpas configuration', ...z.toJSONSchema(schema, { io: 'input' }) };
}

function allSettings(models: KnownModels): ModelSettings[] {
  return models.names.map((name) => settingsOf(models, name));
}

function tablesOf(shape: SettingShape): string {
  const settings = Object.entries(shape).map(([key, schema]) => ({ key, facts: factsOf(schema) }));
  return GROUPS.map((group) => {
    const rows = settings.filter(({ facts }) => facts.group === group).map(({ key, facts }) => rowOf(key, facts));
    return `### ${group}\n\n${table(['Key', 'Flag', 'Value', 'Default', 'What it does'], rows)}`;
  }).join('\n\n');
}

function rowOf(key: string, facts: SettingFacts): string[] {
  const flags = [key, ...facts.aliases].map((name) => code(flagOf(name)));
  return [code(key), flags.join(', '), facts.expected, code(String(facts.default ?? 'none')), facts.description];
}

function presetsSection(presets: readonly Preset[], models: KnownModels): string {
  const parts = presets.map(({ file, values }) => {
    const differing = Object.entries(values).filter(
      ([key, value]) => key !== '$schema' && key !== 'model' && value !== defaultOf(values, key, models),
    );
    const rows = differing.map(([key, value]) => [code(key), code(String(value))]);
    const changes = rows.length === 0 ? 'Changes no default.' : table(['Key', 'Value'], rows);
    return `### configs/${file}\n\n${changes}`;
  });
  return ['## Presets', 'What each preset changes; the rest of its values are the defaults.', ...parts].join('\n\n');
}

function defaultOf(values: Preset['values'], key: string, models: KnownModels): unknown {
  const model = values['model'];
  const schema = settingsOf(models, typeof model === 'string' ? model : models.defaultName).schema.shape[key];
  return schema === undefined ? undefined : factsOf(schema).default;
}

function code(text: string): string {
  return `\`${text}\``;
}

/** A Markdown table whose columns are padded to one width, as prettier writes it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => elementAt(row, column).length)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, column) => cell.padEnd(elementAt(widths, column))).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return [line(elementAt(cells, 0)), rule, ...cells.slice(1).map(line)].join('\n');
}
