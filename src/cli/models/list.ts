import { printableLine, percent } from '../../foundation/text';
import { archivedModels } from '../../zoo/archive/archived-models';
import { listModels, sortKey, SORT_KEYS, type ListedModel, summariseModel } from '../../zoo/list-models';
import { modelsIn } from '../../zoo/find-model';
import { columns, bytesText } from '../quantities';
import { optionalText, commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { registryFlags, rootOf } from './registry-flags';

const command = 'npm run models -- list';

const flags = {
  sort: { string: true, group: 'List:', description: `What comes first: ${SORT_KEYS.join(', ')}.`, defaultDescription: 'name' },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models list`. */
export const listCommand: Command = plainCommand(
  {
    command,
    summary:
      'Lists the models of the registry: type, version, stage, figures, size, date and data. * marks the best of a type on the same data.',
    flags,
    examples: [
      [command, 'by name'],
      [`${command} --sort gloss_acc`, 'the most accurate first'],
      [`${command} --json`, 'for a script'],
    ],
  },
  (typed, { output }) => {
    const root = rootOf(typed);
    const listed = listModels(
      [...modelsIn(root).map(summariseModel), ...archivedModels(root)],
      sortKey(optionalText(typed, 'sort') ?? 'name'),
    );
    output.write(typed['json'] === true ? `${JSON.stringify({ root, models: listed }, null, 2)}\n` : listText(root, listed));
    return 0;
  },
);

const HEADINGS = ['', 'name', 'version', 'stage', 'epoch', 'gloss', 'category', 'F1', 'size', 'date', 'data'];

function listText(root: string, models: readonly ListedModel[]): string {
  if (models.length === 0) return `${root} holds no models yet; npm run train -- --model transformer makes one\n`;
  const rows = models.map((model) => [
    model.best ? '*' : '',
    model.name,
    model.version ?? '–',
    model.stage,
    model.epoch === null ? '–' : String(model.epoch),
    shareText(model.gloss_acc),
    shareText(model.cat_acc),
    model.f1 === null ? '–' : model.f1.toFixed(4),
    bytesText(model.bytes),
    model.created.slice(0, 10),
    model.fingerprint === null ? '–' : `${model.fingerprint.slice(0, 8)}${model.synthetic ? ' (synthetic)' : ''}`,
  ]);
  return `${columns([HEADINGS, ...rows])
    .map(printableLine)
    .join('\n')}\n`;
}

function shareText(share: number | null): string {
  return share === null ? '–' : percent(share);
}
