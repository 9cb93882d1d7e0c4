import { readdirSync } from 'node:fs';
import path from 'node:path';
import { archivedModels } from '../../zoo/archive/archived-models';
import { meaningOf } from '../../folder/contents';
import { ARCHIVE_FOLDER, modelsIn } from '../../zoo/find-model';
import { summariseModel, type ModelSummary } from '../../zoo/list-models';
import { commonFlags, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { registryFlags, rootOf } from './registry-flags';
import { percent } from '../../foundation/text';

const command = 'npm run models -- tree';

const flags = { ...registryFlags, ...commonFlags } as const satisfies FlagTable;

/** A line of the tree. */
interface Branch {
  readonly name: string;
  readonly note: string;
  readonly branches: readonly Branch[];
}

/** `models tree`. */
export const treeCommand: Command = plainCommand(
  {
    command,
    summary: 'Prints the registry’s layout, as trained_models/TRAINED_MODEL_GUIDE.md describes it, and what each file is.',
    flags,
    examples: [[command, 'of trained_models']],
  },
  (typed, { output }) => {
    const root = rootOf(typed);
    const models = modelsIn(root);
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
