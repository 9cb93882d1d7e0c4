import path from 'node:path';
import type { z } from '@hono/zod-openapi';
import { curvesBeside } from '../../evaluation/training-curves';
import { hasCategories, type ModelRecord } from '../../folder/config-file';
import { ModelFolder } from '../../folder/model-folder';
import { UserError } from '../../foundation/errors';
import { readTextIfThere } from '../../foundation/regular-file';
import { evaluationIn, releaseBefore, type RegisteredModel } from '../../zoo/registered-models';
import { HISTORY_FILE, readHistory } from '../../zoo/monitor/history';
import { changelogEntries, completedChangelog, readChangelog } from '../../zoo/release/changelog';
import { nextVersion, readProduction, readReleases, type Release } from '../../zoo/release/release-record';
import type { modelAnswers } from './models-routes';
import type { ServedModel } from './served-models';

type ModelView = z.infer<typeof modelAnswers.model>;

const LARGEST_CARD = 1_000_000;

/**
 * All that a page shows of a model. What cannot be read is told among the problems, and the rest is shown.
 * @param model undefined for a checkpoint that lies in no model folder, of which little is known.
 */
export function modelView(summary: ServedModel, model: RegisteredModel | undefined, { root, others }: Surroundings): ModelView {
  if (model === undefined) return { ...nothingKnown, model: { ...summary } };
  const problems: string[] = [];
  const attempt = <Value>(read: () => Value, otherwise: Value): Value => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (!problems.includes(error.message)) problems.push(error.message);
      return otherwise;
    }
  };
  const files = new ModelFolder(model.folder);
  const record = attempt<ModelRecord | undefined>(() => files.readConfig(), undefined);
  const releases = attempt<readonly Release[]>(() => readReleases(model.folder), []);
  const before = attempt(() => releaseBefore(root, { model, release: undefined }), undefined);
  const last = releases.at(-1)?.record.version ?? before?.title.split('@').at(-1);
  return {
    model: { ...summary },
    card: attempt(() => readTextIfThere(files.readme, LARGEST_CARD) ?? null, null),
    facts: record === undefined ? null : factsOf(record),
    evaluation: evaluationOf(model, record),
    curves: curvesBeside(files.config),
    releases: releases.map(({ record: { version, created, notes, changes, evaluation } }) => ({
      version,
      created,
      notes,
      changes,
      gloss_acc: evaluation.gloss.accuracy,
      cat_acc: evaluation.category.accuracy,
    })),
    production: attempt(() => productionOf(model.folder), null),
    changelog: attempt(() => changelogOf(model, releases), []),
    history: attempt(() => readHistory(path.join(model.folder, HISTORY_FILE)), []),
    baseline: before?.title ?? null,
    baselines: baselinesOf(
      summary,
      releases.map(({ record }) => `${summary.name}@${record.version}`),
      before?.title,
      others,
    ),
    next_versions: record === undefined ? null : nextVersions(last),
    problems,
  };
}

/** What lies around a model. */
interface Surroundings {
  /** The registry, where the model that it follows is looked for. */
  readonly root: string;
  /** The models that are served. */
  readonly others: readonly ServedModel[];
}

const nothingKnown: Omit<ModelView, 'model'> = {
  card: null,
  facts: null,
  evaluation: null,
  curves: [],
  releases: [],
  production: null,
  changelog: [],
  history: [],
  baseline: null,
  baselines: [],
  next_versions: null,
  problems: ['It is a single file: card, evaluation, curves and releases belong to a model folder.'],
};

function factsOf({ run }: ModelRecord): ModelView['facts'] {
  const { classes, parameters, data, versions, device, imported_from: importedFrom, follows } = run;
  return {
    glosses: classes.gloss,
    categories: hasCategories(classes) ? classes.category : null,
    parameters: parameters ?? null,
    trained_on: data === undefined ? null : { title: data.title, train_clips: data.train_clips, validation_clips: data.validation_clips },
    kumpas: versions.kumpas,
    device: device ?? null,
    imported_from: importedFrom ?? null,
    follows: follows ?? null,
  };
}

function evaluationOf({ folder }: RegisteredModel, record: ModelRecord | undefined): ModelView['evaluation'] {
  const evaluation = evaluationIn(folder);
  if (evaluation === undefined) return null;
  const { created = null, epoch = null, data, gloss, category } = evaluation;
  const tells = record === undefined || hasCategories(record.run.classes);
  const { title, clips = null, synthetic } = data;
  return { created, epoch, data: { title, clips, synthetic }, gloss, category: tells ? category : null };
}

function productionOf(folder: string): ModelView['production'] {
  const production = readProduction(folder);
  if (production === undefined) return null;
  const { file, bytes, dtype, created, version, after } = production;
  return { file, bytes, dtype, created, version, gloss_acc: after.gloss.accuracy };
}

function changelogOf({ name, folder }: RegisteredModel, releases: readonly Release[]): ModelView['changelog'] {
  const written = readChangelog(folder);
  if (written === undefined && releases.length === 0) return [];
  const records = releases.map(({ record }) => record);
  return changelogEntries(completedChangelog(written, name, records));
}

function nextVersions(last: string | undefined): ModelView['next_versions'] {
  return { major: nextVersion(last, 'major'), minor: nextVersion(last, 'minor'), patch: nextVersion(last, 'patch') };
}

/** What a model can be compared with: what it goes on from, its releases, and others that were evaluated on the same clips. */
function baselinesOf(
  { name, measured_on: clips }: ServedModel,
  releases: readonly string[],
  before: string | undefined,
  others: readonly ServedModel[],
): string[] {
  // Only an evaluation tells F1.
  const alike = others.filter((other) => clips !== null && other.measured_on === clips && other.f1 !== null && other.name !== name);
  return [...new Set([...(before === undefined ? [] : [before]), ...releases, ...alike.map((other) => other.name)])];
}
