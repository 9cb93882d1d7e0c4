import { messageOf, UserError } from '../../foundation/errors';
import { bytesText, percent } from '../../foundation/text';
import { version } from '../../foundation/installation';
import { archiveModel, restoreModel, planPruning, pruneModel, type PrunedModel } from '../../zoo/archive/archive-model';
import { findModel, modelsIn, stageModel, stageNamed } from '../../zoo/registered-models';
import { plainCommand, type Command } from '../command';
import { commonFlags, jsonFlag, optionalText, wholeNumber, type FlagTable } from '../flags';
import { onlyName, registryFlags, rootFlag, rootOf, modelsOf } from '../model-flags';
import { columns } from '../quantities';

const ARCHIVE = 'npm run models -- archive';

const archiveFlags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models archive`. */
export const archiveCommand: Command = plainCommand(
  {
    command: ARCHIVE,
    takes: 'NAME',
    summary:
      'Compresses a model folder into archive/ of the registry, reads it back and compares every file, then removes the folder. It is listed still.',
    flags: archiveFlags,
    examples: [[`${ARCHIVE} transformer_baseline_09-20`, 'npm run models -- restore brings it back, in the stage that it has now']],
  },
  async (typed, { output }, positionals) => {
    const root = rootOf(typed);
    const model = findModel(root, onlyName(positionals, ARCHIVE), modelsOf(typed));
    const archived = await archiveModel(root, model, { now: new Date(), kumpas: version });
    const { name, archive, bytes, bytesBefore } = archived;
    output.write(
      typed['json'] === true
        ? `${JSON.stringify(archived, null, 2)}\n`
        : `${name}: archived, ${bytesText(bytesBefore)} became ${bytesText(bytes)}\n\n${archive}\n\nBack again\n  npm run models -- restore ${name}${rootFlag(typed)}\n`,
    );
    return 0;
  },
);

const RESTORE = 'npm run models -- restore';

const restoreFlags = {
  name: { string: true, group: 'Restore:', description: 'Another name for the folder.', defaultDescription: 'the one it had' },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models restore`. */
export const restoreCommand: Command = plainCommand(
  {
    command: RESTORE,
    takes: 'NAME',
    summary: 'Brings an archived model back to where it lay, every file held against its checksum, and in the stage that it had.',
    flags: restoreFlags,
    examples: [
      [`${RESTORE} transformer_baseline_09-20`, 'the archive goes once the folder is whole'],
      [`${RESTORE} transformer_baseline_09-20 --name transformer_old_09-20`, 'where a folder of its name is there by now'],
    ],
  },
  async (typed, { output }, positionals) => {
    const restored = await restoreModel(rootOf(typed), onlyName(positionals, RESTORE), optionalText(typed, 'name'));
    const { name, folder, stage } = restored;
    output.write(
      typed['json'] === true
        ? `${JSON.stringify(restored, null, 2)}\n`
        : `${name}: restored, its stage is ${stage}\n\n${folder}\n\nNext\n  npm run models -- show ${name}${rootFlag(typed)}\n`,
    );
    return 0;
  },
);

const PRUNE = 'npm run models -- prune';
const USUAL_NUMBER = 3;

const pruneFlags = {
  keep: {
    string: true,
    group: 'Prune:',
    description: 'How many of a type stay, on the same data.',
    defaultDescription: String(USUAL_NUMBER),
  },
  'dry-run': { type: 'boolean', group: 'Prune:', description: 'Say what would go, and change nothing.' },
  delete: { type: 'boolean', group: 'Prune:', description: 'Remove what goes for good, in place of archiving it.' },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** What became of a model that should go. */
interface Outcome extends PrunedModel {
  readonly done: 'archived' | 'removed' | 'kept' | 'would go';
  readonly bytesAfter: number;
  readonly problem: string | null;
}

/** `models prune`. */
export const pruneCommand: Command = plainCommand(
  {
    command: PRUNE,
    summary:
      'Keeps the best models of each type by gloss accuracy, on the same data, and all that are released, promoted, in production or worked on; the others are archived.',
    flags: pruneFlags,
    examples: [
      [`${PRUNE} --keep 3 --dry-run`, 'what would go, and how many bytes'],
      [`${PRUNE} --keep 3`, 'archives it; restore brings each back'],
      [`${PRUNE} --keep 3 --delete`, 'removes it for good'],
    ],
  },
  async (typed, { output, errors }) => {
    const root = rootOf(typed);
    const keep = wholeNumber(typed, 'keep', 0) ?? USUAL_NUMBER;
    const json = typed['json'] === true;
    const dryRun = typed['dry-run'] === true;
    const remove = typed['delete'] === true;
    const plan = planPruning(modelsIn(root, modelsOf(typed)), keep);
    if (!json) output.write(planText(plan, { dryRun, remove }));
    const outcomes: Outcome[] = [];
    for (const planned of plan) {
      if (!planned.goes) outcomes.push({ ...planned, done: 'kept', bytesAfter: planned.bytes, problem: null });
      else if (dryRun) outcomes.push({ ...planned, done: 'would go', bytesAfter: 0, problem: null });
      else outcomes.push(await pruned(root, planned, remove));
    }
    const failed = outcomes.filter(({ problem }) => problem !== null);
    if (json) output.write(`${JSON.stringify({ root, keep, dry_run: dryRun, delete: remove, models: outcomes }, null, 2)}\n`);
    else if (!dryRun) output.write(outcomeText(outcomes));
    for (const { problem } of json ? [] : failed) errors.write(`${problem ?? ''}\n`);
    return failed.length === 0 ? 0 : 1;
  },
);

async function pruned(root: string, planned: PrunedModel, remove: boolean): Promise<Outcome> {
  try {
    const bytesAfter = await pruneModel(root, planned, { now: new Date(), kumpas: version, remove });
    return { ...planned, done: remove ? 'removed' : 'archived', bytesAfter, problem: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...planned, done: 'kept', bytesAfter: planned.bytes, problem: messageOf(error) };
  }
}

function planText(plan: readonly PrunedModel[], { dryRun, remove }: { readonly dryRun: boolean; readonly remove: boolean }): string {
  const going = plan.filter(({ goes }) => goes);
  const rows = plan.map(({ name, gloss_acc: accuracy, bytes, goes, reason }) => [
    goes ? (remove ? 'removed' : 'archived') : 'stays',
    name,
    accuracy === null ? '–' : percent(accuracy),
    bytesText(bytes),
    reason,
  ]);
  const bytes = bytesText(going.reduce((sum, model) => sum + model.bytes, 0));
  const verb = remove ? 'removed for good' : 'archived';
  const sum =
    going.length === 0 ? 'Nothing goes.' : `${going.length} of ${plan.length} ${dryRun ? 'would be' : 'to be'} ${verb}: ${bytes} in all.`;
  return `${[...columns([['', 'name', 'gloss', 'size', 'why'], ...rows]), '', sum].join('\n')}\n`;
}

function outcomeText(outcomes: readonly Outcome[]): string {
  const done = outcomes.filter((outcome) => outcome.done === 'archived' || outcome.done === 'removed');
  if (done.length === 0) return '';
  const freed = done.reduce((sum, { bytes, bytesAfter }) => sum + bytes - bytesAfter, 0);
  return `${[...done.map(({ name, done: verb }) => `${verb} ${name}`), `${bytesText(Math.max(0, freed))} freed`].join('\n')}\n`;
}

const STAGE = 'npm run models -- stage';

const stageFlags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models stage`. */
export const stageCommand: Command = plainCommand(
  {
    command: STAGE,
    takes: 'NAME development|production|archived',
    summary:
      'Says where a model is in its life. production needs a production checkpoint or a release; archived is a label, which leaves a model out where the best is marked (archive compresses it as well).',
    flags: stageFlags,
    examples: [
      [`${STAGE} transformer_baseline_09-20 production`, 'prune lets it alone, archive refuses it'],
      [`${STAGE} transformer_baseline_09-20 development`, 'as every model begins'],
    ],
  },
  async (typed, { output }, positionals) => {
    const [name, stageText, ...more] = positionals;
    if (name === undefined || more.length > 0)
      throw new UserError(`${STAGE}: expected a model's name and its stage, found ${positionals.join(' ') || 'nothing'}`);
    const stage = stageNamed(stageText);
    const model = findModel(rootOf(typed), name, modelsOf(typed));
    const before = await stageModel(model, stage);
    if (typed['json'] === true) {
      output.write(`${JSON.stringify({ name: model.name, folder: model.folder, before, stage }, null, 2)}\n`);
      return 0;
    }
    const said =
      before === stage ? `${model.name}: its stage was ${stage} already` : `${model.name}: its stage was ${before}, now it is ${stage}`;
    const next = stage === 'archived' ? `\n\nTo compress it as well\n  npm run models -- archive ${model.name}${rootFlag(typed)}` : '';
    output.write(`${said}${next}\n`);
    return 0;
  },
);
