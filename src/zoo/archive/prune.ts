import { ModelFolder } from '../../folder/model-folder';
import { UserError } from '../../foundation/errors';
import { lockState } from '../../foundation/folder-lock';
import { removeFolder } from '../../foundation/folders';
import { refuseGone, type RegisteredModel } from '../find-model';
import { evaluationIn, summariseModel, type ModelSummary } from '../list-models';
import { productionCheckpointIn } from '../release/production-record';
import { releasedVersions } from '../release/release-record';
import { archiveModel } from './archive-model';
import { bytesOf, everythingIn } from './checked-files';

/** What becomes of a model where the best alone are kept. */
export interface PrunedModel {
  readonly name: string;
  readonly folder: string;
  readonly gloss_acc: number | null;
  readonly bytes: number;
  readonly goes: boolean;
  /** In words: `number 2 of 5 on the same data`, `released as v1.0.0`. */
  readonly reason: string;
}

interface Candidate {
  readonly model: RegisteredModel;
  readonly summary: ModelSummary;
  /** Why it stays whatever its figures; undefined where they decide. */
  readonly safe: string | undefined;
  /** Those of one type on the same data are compared with each other; undefined where that is not known. */
  readonly group: string | undefined;
}

/**
 * Decides which models stay: of each type, among those measured on the same data, the best by gloss accuracy; and all that were released or promoted, are in
 * production, are worked on, or cannot be compared. Those that are labelled as archived are none of the best.
 */
export function planPruning(models: readonly RegisteredModel[], keep: number): PrunedModel[] {
  const candidates = models.map(candidateOf);
  return candidates.map((candidate) => {
    const { model, summary, safe } = candidate;
    const verdict = safe === undefined ? verdictOf(candidate, candidates, keep) : { goes: false, reason: safe };
    const { name, folder } = model;
    return { name, folder, gloss_acc: summary.gloss_acc, bytes: bytesOf(keptFiles(folder)), ...verdict };
  });
}

/** What is done with a model that goes. */
export interface PruneOptions {
  readonly now: Date;
  readonly kumpas: string;
  /** Whether it is removed for good in place of being archived. */
  readonly remove: boolean;
}

/**
 * Archives a model that a plan lets go, or removes it for good. It is looked at once more first: what was released since the plan was made stays.
 * @returns bytes that it takes from now on.
 * @throws UserError where it stays after all.
 */
export async function pruneModel(root: string, model: RegisteredModel, { now, kumpas, remove }: PruneOptions): Promise<number> {
  refuseSafe(model);
  if (!remove) return (await archiveModel(root, model, { now, kumpas })).bytes;
  return new ModelFolder(model.folder).whileLocked('prune', () => {
    refuseSafe(model, false);
    removeFolder(model.folder);
    return 0;
  });
}

function refuseSafe(model: RegisteredModel, lookAtLock = true): void {
  refuseGone(model);
  const safe = reasonToStay(model, summariseModel(model), lookAtLock);
  if (safe !== undefined) throw new UserError(`${model.name}: it stays: ${safe}`);
}

function candidateOf(model: RegisteredModel): Candidate {
  const summary = summariseModel(model);
  return { model, summary, safe: reasonToStay(model, summary), group: groupOf(model, summary) };
}

function reasonToStay({ folder }: RegisteredModel, { stage, version }: ModelSummary, lookAtLock = true): string | undefined {
  const released = version ?? releasedVersions(folder).at(-1);
  if (stage === 'production') return 'in production';
  if (released !== undefined) return `released as v${released}`;
  if (productionCheckpointIn(folder) !== undefined) return 'promoted';
  return lookAtLock && lockState(folder) === 'held' ? 'worked on by another process' : undefined;
}

/** Figures that were measured say on which validation clips; those of a log are of the training's own data. */
function groupOf({ folder }: RegisteredModel, { type, gloss_acc: accuracy, fingerprint }: ModelSummary): string | undefined {
  const measuredOn = evaluationIn(folder)?.data.fingerprint;
  if (accuracy === null) return undefined;
  if (measuredOn !== undefined) return `${type} measured on ${measuredOn}`;
  return fingerprint === null ? undefined : `${type} trained on ${fingerprint}`;
}

function verdictOf(candidate: Candidate, all: readonly Candidate[], keep: number): Pick<PrunedModel, 'goes' | 'reason'> {
  if (candidate.summary.stage === 'archived') return { goes: true, reason: 'labelled as archived' };
  if (candidate.group === undefined) return { goes: false, reason: 'no figures to compare it by; evaluate it' };
  const ranked = all
    .filter(({ group, summary }) => group === candidate.group && summary.stage !== 'archived')
    .toSorted(
      (one, other) => (other.summary.gloss_acc ?? 0) - (one.summary.gloss_acc ?? 0) || (one.model.name < other.model.name ? -1 : 1),
    );
  const rank = ranked.indexOf(candidate) + 1;
  return { goes: rank > keep, reason: `number ${rank} of ${ranked.length} on the same data` };
}

function keptFiles(folder: string): ReturnType<typeof everythingIn> {
  try {
    return everythingIn(folder);
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}
