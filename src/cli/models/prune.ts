import { messageOf, UserError } from '../../foundation/errors';
import { planPruning, pruneModel, type PrunedModel } from '../../zoo/archive/prune';
import { modelsIn } from '../../zoo/find-model';
import { columns, bytesText } from '../quantities';
import { version } from '../../foundation/version';
import { wholeNumber, commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { registryFlags, rootOf } from './registry-flags';
import { percent } from '../../foundation/text';

const command = 'npm run models -- prune';
const USUAL_NUMBER = 3;

const flags = {
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
    command,
    summary:
      'Keeps the best models of each type by gloss accuracy, on the same data, and all that are released, promoted, in production or worked on; the others are archived.',
    flags,
    examples: [
      [`${command} --keep 3 --dry-run`, 'what would go, and how many bytes'],
      [`${command} --keep 3`, 'archives it; restore brings each back'],
      [`${command} --keep 3 --delete`, 'removes it for good'],
    ],
  },
  async (typed, { output, errors }) => {
    const root = rootOf(typed);
    const keep = wholeNumber(typed, 'keep', 0) ?? USUAL_NUMBER;
    const json = typed['json'] === true;
    const dryRun = typed['dry-run'] === true;
    const remove = typed['delete'] === true;
    const plan = planPruning(modelsIn(root), keep);
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
