import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { EvaluationResult } from '../../evaluation/result';
import { pickFigures } from '../../evaluation/results/contents';
import { writeResults } from '../../evaluation/results/write-results';
import { curvesBeside } from '../../evaluation/training-curves';
import type { ModelRecord } from '../../folder/config-file';
import { FOLDER_FILES, RELEASE_FILE } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { replaceText } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { buildFolder } from '../../foundation/folders';
import type { RegisteredModel } from '../find-model';
import { withFolderBeside } from '../leftovers';
import { noteLines } from './changelog';
import { completeReleases } from './complete-releases';
import { makeProduction, type MadeProduction } from './production-checkpoint';
import { labelsOf, tidy, type ReleaseContext } from './promote';
import { compareReleases, worseHeads, releaseLines } from './release-comparison';
import {
  candidateOf,
  isUnchanged,
  lineOf,
  planRelease,
  type Candidate,
  type ReleaseLine,
  type ReleasePlan,
  type ReleaseRequest,
} from './release-plan';
import { releaseText, TAG_PENDING_FILE, type Release, type ReleaseComparison, type ReleaseRecord } from './release-record';

/** A release that has been made. */
export interface ReleaseOutcome {
  readonly release: Release;
  /** Whether an earlier command had made it, was stopped before it was done, and this one did the rest. */
  readonly completedOnly: boolean;
}

/**
 * Releases a model: gives its best checkpoint the next version, sets it against the release before, and keeps it under `releases/`. The runtime must have been
 * started.
 * @param root the registry, where the model that it follows is looked for.
 * @throws UserError where nothing changed, an incompatible change is no major one, it is less accurate and that was not allowed, or a tag cannot be made; then
 * nothing has been written.
 */
export async function releaseModel(
  root: string,
  model: RegisteredModel,
  request: ReleaseRequest,
  context: ReleaseContext,
): Promise<ReleaseOutcome> {
  const notes = noteLines(request.notes);
  return await new ModelFolder(model.folder).whileLocked('release', async () => {
    const record = new ModelFolder(model.folder).readConfig();
    const completed = tidy(model, context.watch);
    const candidate = candidateOf(model, record, request);
    const line = lineOf(root, model, record, request.follows);
    const own = line.own.at(-1);
    if (completed.length > 0 && own !== undefined && isUnchanged(own.record, candidate)) return { release: own, completedOnly: true };
    const plan = planRelease(model, { candidate, line, request });
    return await withFolderBeside(model.folder, async (beside) => {
      const made = await makeAndCompare(beside, { record, candidate, plan, request }, context);
      const release = await keep(model, beside, { record, candidate, line, plan, notes, request, made }, context);
      for (const problem of completeReleases(model).problems) context.watch.onWarning(problem);
      return { release, completedOnly: false };
    });
  });
}

interface Evaluated extends MadeProduction {
  readonly comparison: ReleaseComparison | null;
}

async function makeAndCompare(
  beside: string,
  facts: { readonly record: ModelRecord; readonly candidate: Candidate; readonly plan: ReleasePlan; readonly request: ReleaseRequest },
  { now, kumpas, watch }: ReleaseContext,
): Promise<Evaluated> {
  const { record, candidate, plan, request } = facts;
  const { previous, rival, version } = plan;
  const made = await makeProduction(
    beside,
    {
      source: candidate.source,
      contents: candidate.contents,
      dtype: candidate.dtype,
      version,
      labels: labelsOf(record),
      data: request.data,
      alongside: typeof rival === 'object' ? [rival] : [],
      created: now,
      kumpas,
    },
    watch,
  );
  if (previous === undefined) return { ...made, comparison: null };
  const asked = made.alongside[0]?.result ?? (typeof rival === 'string' ? rival : 'it was not asked');
  const comparison = compareReleases(previous, asked, made.after.result);
  const worse = worseHeads(comparison);
  if (worse.length > 0 && !request.allowRegression) {
    throw new UserError(
      `${record.run.name}: it is less accurate than v${previous.record.version}: ${worse.join(', ')}; release it all the same with --allow-regression`,
    );
  }
  if (comparison.basis === 'none') watch.onWarning(`it cannot be compared with v${previous.record.version}: ${comparison.reason}`);
  return { ...made, comparison };
}

interface Kept {
  readonly record: ModelRecord;
  readonly candidate: Candidate;
  readonly line: ReleaseLine;
  readonly plan: ReleasePlan;
  readonly notes: readonly string[];
  readonly request: ReleaseRequest;
  readonly made: Evaluated;
}

async function keep(model: RegisteredModel, beside: string, kept: Kept, { now, watch }: ReleaseContext): Promise<Release> {
  const { candidate, plan, made } = kept;
  const file = made.record.file;
  const result: EvaluationResult = { ...made.after.result, model: { ...made.after.result.model, file: path.join(plan.folder, file) } };
  const context = { curves: curvesBeside(candidate.source.file), created: now, onWarning: watch.onWarning };
  await writeResults(path.join(beside, FOLDER_FILES.results), result, context);
  const record = releaseRecord(model, kept);
  const text = releaseText(record);
  buildFolder(plan.folder, (unfinished) => {
    renameSync(made.file, path.join(unfinished, file));
    renameSync(path.join(beside, FOLDER_FILES.results), new ModelFolder(unfinished).results);
    if (plan.tag !== null) writeFileSync(path.join(unfinished, TAG_PENDING_FILE), '');
    replaceText(path.join(unfinished, RELEASE_FILE), text);
  });
  return { folder: plan.folder, record };
}

function releaseRecord({ name }: RegisteredModel, { record, candidate, line, plan, notes, request, made }: Kept): ReleaseRecord {
  const { result } = made.after;
  const { gloss, category } = result;
  const facts: Omit<ReleaseRecord, 'changelog'> = {
    version: plan.version,
    bump: request.bump,
    created: made.record.created,
    kumpas: made.record.kumpas,
    model: name,
    notes: [...notes],
    previous: plan.previous === undefined ? null : { model: plan.previous.record.model, version: plan.previous.record.version },
    follows: line.follows ?? null,
    checkpoint: made.record,
    weights_sha256: candidate.weightsSha256,
    architecture: candidate.architecture,
    classes: candidate.classes,
    trained_with: record.run.data ?? null,
    evaluation: { data: made.record.data, gloss: pickFigures(gloss.metrics), category: pickFigures(category.metrics) },
    comparison: made.comparison,
    changes: [...plan.changes],
    regression_allowed: request.allowRegression,
    tag: plan.tag,
    inherited_changelog: line.inheritedChangelog ?? null,
  };
  return { ...facts, changelog: releaseLines(facts) };
}
