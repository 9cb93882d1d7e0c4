import { readdirSync } from 'node:fs';
import path from 'node:path';
import { meaningOf } from '../../folder/contents';
import { bytesText, printableLine, percent } from '../../foundation/text';
import { archivedModels } from '../../zoo/archive/archived-models';
import {
  listModels,
  sortKey,
  SORT_KEYS,
  summariseModel,
  modelsIn,
  ARCHIVE_FOLDER,
  type ListedModel,
  type ModelSummary,
} from '../../zoo/registered-models';
import { plainCommand, type Command } from '../command';
import { optionalText, commonFlags, jsonFlag, type FlagTable } from '../flags';
import { registryFlags, rootOf, modelsOf } from '../model-flags';
import { columns } from '../quantities';

const LIST = 'npm run models -- list';

const listFlags = {
  sort: { string: true, group: 'List:', description: `What comes first: ${SORT_KEYS.join(', ')}.`, defaultDescription: 'name' },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models list`. */
export const listCommand: Command = plainCommand(
  {
    command: LIST,
    summary:
      'Lists the models of the registry: type, version, stage, figures, size, date and data. * marks the best of a type on the same data.',
    flags: listFlags,
    examples: [
      [LIST, 'by name'],
      [`${LIST} --sort gloss_acc`, 'the most accurate first'],
      [`${LIST} --json`, 'for a script'],
    ],
  },
  (typed, { output }) => {
    const root = rootOf(typed);
    const listed = listModels(
      [...modelsIn(root, modelsOf(typed)).map(summariseModel), ...archivedModels(root)],
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

const TREE = 'npm run models -- tree';

const treeFlags = { ...registryFlags, ...commonFlags } as const satisfies FlagTable;

/** A line of the tree. */
interface Branch {
  readonly name: string;
  readonly note: string;
  readonly branches: readonly Branch[];
}

/** `models tree`. */
export const treeCommand: Command = plainCommand(
  {
    command: TREE,
    summary: 'Prints the registry’s layout, as trained_models/TRAINED_MODEL_GUIDE.md describes it, and what each file is.',
    flags: treeFlags,
    examples: [[TREE, 'of trained_models']],
  },
  (typed, { output }) => {
    const root = rootOf(typed);
    const models = modelsIn(root, modelsOf(typed));
    const parents = [...new Set(models.map(({ folder }) => path.dirname(folder)))];
    const tree = parents.flatMap((parent): Branch[] => {
      const branches = models.filter(({ folder }) => path.dirname(folder) === parent).map(modelBranch);
      return parent === root ? branches : [{ name: `${path.basename(parent)}/`, note: '', branches }];
    });
    const archive = archivedModels(root);
    if (archive.length > 0)
      tree.push({ name: `${ARCHIVE_FOLDER}/`, note: 'compressed; restore brings a model back', branches: archive.map(archiveBranch) });
    output.write(`${[`${root}/`, ...drawn(tree, '')].join('\n')}\n`);
    return 0;
  },
);

function modelBranch(model: { readonly name: string; readonly folder: string }): Branch {
  return { name: `${model.name}/`, note: noteOf(summariseModel(model)), branches: fileBranches(model.folder) };
}

function archiveBranch(summary: ModelSummary): Branch {
  return { name: path.basename(summary.folder), note: noteOf(summary), branches: [] };
}

function noteOf({ version, stage, gloss_acc: accuracy }: ModelSummary): string {
  const note = [version === null ? '' : `v${version}`, stage, accuracy === null ? '' : `gloss ${percent(accuracy)}`];
  return note.filter((part) => part !== '').join(', ');
}

function fileBranches(folder: string): Branch[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort()
    .map((name) => ({ name, note: meaningOf(name) ?? '', branches: [] }));
}

function drawn(branches: readonly Branch[], indent: string): string[] {
  return branches.flatMap(({ name, note, branches: inner }, index) => {
    const last = index === branches.length - 1;
    const line = `${indent}${last ? '└── ' : '├── '}${name}`;
    return [note === '' ? line : `${line.padEnd(48)} ${note}`, ...drawn(inner, `${indent}${last ? '    ' : '│   '}`)];
  });
}
