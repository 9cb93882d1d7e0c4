import path from 'node:path';
import type { OpenAPIHono, z } from '@hono/zod-openapi';
import { Turns } from '../../data/file-reading';
import type { StoredChoice, StoredPrediction } from '../../evaluation/results/stored-predictions';
import type { Hooks } from '../../foundation/hooks';
import { required } from '../../foundation/required';
import { modelsIn, orUndefined, releaseFolders, type RegisteredModel } from '../../zoo/registered-models';
import type { RegistryData, RegistryOptions } from '../../zoo/registry';
import { jsonOf, pathOf, queriesOf, queryOf } from './checked-request';
import type { ComparedPlace } from './compare-stored';
import { evaluatedClip, storedPredictions } from './evaluated-clips';
import { modelView } from './model-view';
import {
  clipsQuery,
  compareQuery,
  confusionQuery,
  evaluatedClipPath,
  modelPath,
  modelRoutes,
  promoteBody,
  releaseBody,
  type modelAnswers,
} from './models-routes';
import { RequestProblem } from './problem';
import type { ServedModels } from './served-models';

type HeadName = z.infer<typeof modelAnswers.confusion>['head'];

/** Clips that are evaluated at once where a model is promoted or released: in between the app answers. */
const BATCH_SIZE = 4;

/** Adds the endpoints of the registry: what is known of its models, and what changes them. */
export function addModelsApi(app: OpenAPIHono, served: ServedModels): void {
  for (const route of modelRoutes) app.openAPIRegistry.registerPath(route);
  const reading = new Turns();
  const changing = new Turns();

  app.get('/api/models/:name', (context) => {
    const { summary, model } = served.named(pathOf(context, modelPath).name);
    return context.json(modelView(summary, model, { root: served.root, others: served.list() }));
  });

  app.get('/api/models/:name/confusion', (context) => {
    const { name } = pathOf(context, modelPath);
    return context.json(confusionOf(name, storedPredictions(folderNamed(served, name)), queryOf(context, confusionQuery).head));
  });

  app.get('/api/models/:name/clips', (context) => {
    const { name } = pathOf(context, modelPath);
    const { head, truth, predicted, offset, limit } = queryOf(context, clipsQuery);
    const clips = [...storedPredictions(folderNamed(served, name)).entries()].filter(([, clip]) => {
      const choice = clip[head];
      return (truth === undefined || choice?.truth.id === truth) && (predicted === undefined || choice?.predicted?.id === predicted);
    });
    return context.json({
      total: clips.length,
      clips: clips.slice(offset, offset + limit).map(([place, clip]) => clipAnswer(place, clip)),
    });
  });

  app.get('/api/models/:name/clips/:place', async (context) => {
    const { name, place } = pathOf(context, evaluatedClipPath);
    const clip = await reading.alone(() => evaluatedClip(folderNamed(served, name), place));
    const header = {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(clip.name)}`,
    };
    return context.body(new Uint8Array(clip.bytes), 200, header);
  });

  // What checks, compares and changes models is loaded once it is asked for: the app starts without it.
  app.get('/api/models/:name/check', async (context) => {
    const model = folderNamed(served, pathOf(context, modelPath).name);
    const { root, models } = placeOf(served, model);
    const { check } = await import('../../zoo/registry.js');
    const { findings } = await check({ root, names: [path.resolve(model.folder)], ...(models === undefined ? {} : { models }) });
    return context.json({ findings: findings.map(({ severity, place, what, todo }) => ({ severity, place, what, todo })) });
  });

  app.get('/api/compare', async (context) => {
    const { model: names } = queriesOf(context, compareQuery);
    const places = [...new Set(names)].map((name) => placeNamed(served, name));
    if (places.length < 2) throw new RequestProblem(400, 'model: expected two different models, found one twice');
    const { compareStored } = await import('./compare-stored.js');
    return context.json(await compareStored(places));
  });

  app.post('/api/models/:name/promote', async (context) => {
    const model = folderNamed(served, pathOf(context, modelPath).name);
    const { dtype } = await jsonOf(context, promoteBody);
    const { hooks, warnings } = keptWarnings();
    const { promote } = await import('../../zoo/registry.js');
    const made = await changing.alone(() => promote(path.resolve(model.folder), { ...placeOf(served, model), dtype }, hooks));
    served.lookAnew();
    const { file, bytes, created, version, after } = made;
    return context.json({
      model: model.name,
      production: { file, bytes, dtype, created, version, gloss_acc: after.gloss.accuracy },
      warnings,
    });
  });

  app.post('/api/models/:name/release', async (context) => {
    const model = folderNamed(served, pathOf(context, modelPath).name);
    const { bump, notes, allow_regression: allowRegression, tag, dtype } = await jsonOf(context, releaseBody);
    const { hooks, warnings } = keptWarnings();
    const { release } = await import('../../zoo/registry.js');
    const asked = { ...placeOf(served, model), bump, notes, allowRegression, tag, ...(dtype === undefined ? {} : { dtype }) };
    const { release: made, completedOnly } = await changing.alone(() => release(path.resolve(model.folder), asked, hooks));
    served.lookAnew();
    const { version, changelog } = made.record;
    return context.json({ model: model.name, version, completed_only: completedOnly, changelog, warnings });
  });
}

/** @throws RequestProblem where there is no such model, or it is a single file. */
function folderNamed(served: ServedModels, name: string): RegisteredModel {
  const { model } = served.named(name);
  if (model === undefined)
    throw new RequestProblem(404, `${name}: it is a single file; only a model folder has an evaluation and releases`);
  return model;
}

/** A model by its name, or a release of it as `NAME@1.0.0`. @throws RequestProblem where there is none. */
function placeNamed(served: ServedModels, title: string): ComparedPlace {
  const [, name, version] = /^(.+)@v?(\d+\.\d+\.\d+)$/.exec(title) ?? [];
  if (name === undefined || served.list().some((model) => model.name === title))
    return { title, model: folderNamed(served, title), isModel: true };
  const model = folderNamed(served, name);
  const found = releaseFolders(model.folder).find((made) => made.version === version);
  if (found === undefined) throw new RequestProblem(404, `${name}: it has no release ${required(version, 'the version')}`);
  return { title, model: { ...model, folder: found.folder }, isModel: false };
}

/** Where the registry's verbs find a model: the app's registry, or for a folder that was named the one around it. Its clips are those that it was trained with. */
function placeOf(
  served: ServedModels,
  { folder, models }: RegisteredModel,
): RegistryOptions & { readonly root: string; readonly data: RegistryData } {
  const registered = orUndefined(() => modelsIn(served.root, models)) ?? [];
  const isRegistered = registered.some((other) => path.resolve(other.folder) === path.resolve(folder));
  const root = isRegistered ? served.root : path.dirname(path.resolve(folder));
  return { root, ...(models === undefined ? {} : { models }), data: { batch_size: BATCH_SIZE } };
}

/** Hooks that keep what is warned of, for the answer. */
function keptWarnings(): { readonly hooks: Hooks; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const onEvent: Hooks['onEvent'] = (event) => {
    if (event.kind === 'warning') warnings.push(event.text);
  };
  return { hooks: { onEvent }, warnings };
}

function confusionOf(model: string, predictions: readonly StoredPrediction[], head: HeadName): z.infer<typeof modelAnswers.confusion> {
  const classes = new Map<number, { id: number; label: string; clips: number; right: number }>();
  const cells = new Map<string, { truth: number; predicted: number; clips: number }>();
  const classOf = ({ id, label }: StoredChoice['truth']): { clips: number; right: number } => {
    const found = classes.get(id) ?? { id, label, clips: 0, right: 0 };
    classes.set(id, found);
    return found;
  };
  for (const { [head]: choice } of predictions) {
    if (choice === undefined) continue;
    const { truth, predicted, correct } = choice;
    const of = classOf(truth);
    of.clips++;
    if (correct) of.right++;
    if (predicted === undefined) continue;
    classOf(predicted);
    const key = `${truth.id} ${predicted.id}`;
    const cell = cells.get(key) ?? { truth: truth.id, predicted: predicted.id, clips: 0 };
    cell.clips++;
    cells.set(key, cell);
  }
  const heads: HeadName[] = predictions.some(({ category }) => category !== undefined) ? ['gloss', 'category'] : ['gloss'];
  const inOrder = [...classes.values()].sort((one, other) => one.id - other.id);
  return { model, head, heads, clips: predictions.length, classes: inOrder, cells: [...cells.values()] };
}

function clipAnswer(
  place: number,
  { file, gloss, category, likeliest }: StoredPrediction,
): z.infer<typeof modelAnswers.clips>['clips'][number] {
  return {
    place,
    file,
    gloss: choiceAnswer(gloss),
    category: category === undefined ? null : choiceAnswer(category),
    likeliest: [...likeliest],
  };
}

function choiceAnswer({
  truth,
  predicted,
  confidence,
  rankOfTruth,
  correct,
}: StoredChoice): z.infer<typeof modelAnswers.clips>['clips'][number]['gloss'] {
  return { truth, predicted: predicted ?? null, confidence: confidence ?? null, rank_of_truth: rankOfTruth ?? null, correct };
}
