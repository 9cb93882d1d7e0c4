import { createRoute, z } from '@hono/zod-openapi';
import { json, problem } from './api-routes';

const wholeFrom0 = z.coerce.number().int().min(0);
const head = z.enum(['gloss', 'category']);

/** What names a model in an address. */
export const modelPath = z.object({
  name: z
    .string()
    .min(1)
    .max(200)
    .openapi({ param: { name: 'name', in: 'path' }, description: 'The name of a model, as GET /api/models lists it.' }),
});

export const evaluatedClipPath = modelPath.extend({
  place: wholeFrom0
    .max(10_000_000)
    .openapi({ param: { name: 'place', in: 'path' }, description: 'The clip’s place in the evaluation, from 0.' }),
});

export const confusionQuery = z.object({
  head: head.default('gloss').openapi({ description: 'Whether signs or their categories are looked at.' }),
});

export const clipsQuery = confusionQuery.extend({
  truth: wholeFrom0.optional().openapi({ description: 'Only clips of the class of that id.' }),
  predicted: wholeFrom0.optional().openapi({ description: 'Only clips that were taken for the class of that id.' }),
  offset: wholeFrom0.default(0).openapi({ description: 'Clips to leave out at the start.' }),
  limit: wholeFrom0.max(1000).default(100).openapi({ description: 'Clips to list at most.' }),
});

/** More models than that nobody compares at a look. */
const MOST_COMPARED = 8;

export const compareQuery = z.object({
  model: z
    .array(z.string().min(1).max(240))
    .min(2)
    .max(MOST_COMPARED)
    .openapi({ description: 'Models, or releases of them as NAME@1.0.0: two or more, the one that the others are set against first.' }),
});

const dtype = z.enum(['float32', 'float16']);

export const promoteBody = z.strictObject({
  dtype: dtype.default('float32').openapi({ description: 'The type of the weights.' }),
});

export const releaseBody = z.strictObject({
  bump: z.enum(['major', 'minor', 'patch']).openapi({
    description: 'major where whoever uses it must change too, minor for a better model, patch for a mended one.',
  }),
  notes: z.array(z.string().max(2000)).min(1).max(50).openapi({ description: 'What changed and why, a text a bullet.' }),
  allow_regression: z.boolean().default(false).openapi({ description: 'Release it though it is less accurate than the release before.' }),
  tag: z.boolean().default(false).openapi({ description: 'Make a git tag of it.' }),
  dtype: dtype.optional().openapi({ description: 'The type of the weights; that of the promoted checkpoint, else float32.' }),
});

const figures = z.looseObject({
  accuracy: z.number(),
  top_5_accuracy: z.number(),
  f1_weighted: z.number(),
  f1_macro: z.number(),
  accuracy_ci95_low: z.number(),
  accuracy_ci95_high: z.number(),
  expected_calibration_error: z.number().optional(),
});
const evaluatedData = z.object({ title: z.string(), clips: z.number().nullable(), synthetic: z.boolean() });
const curvePoint = z.object({
  epoch: z.number(),
  train_loss: z.number(),
  val_loss: z.number(),
  gloss_acc: z.number(),
  cat_acc: z.number(),
});

const modelView = z
  .object({
    model: z.looseObject({ name: z.string(), type: z.string(), version: z.string().nullable(), stage: z.string() }),
    card: z.string().nullable().openapi({ description: 'Its README.md, as Markdown.' }),
    facts: z
      .object({
        glosses: z.number(),
        categories: z.number().nullable(),
        parameters: z.number().nullable(),
        trained_on: z.object({ title: z.string(), train_clips: z.number(), validation_clips: z.number() }).nullable(),
        kumpas: z.string(),
        device: z.string().nullable(),
        imported_from: z.string().nullable(),
        follows: z.string().nullable(),
      })
      .nullable(),
    evaluation: z
      .object({
        created: z.string().nullable(),
        epoch: z.number().nullable(),
        data: evaluatedData,
        gloss: figures,
        category: figures.nullable(),
      })
      .nullable(),
    curves: z.array(curvePoint).openapi({ description: 'An epoch each, as the training logged it.' }),
    releases: z
      .array(
        z.object({
          version: z.string(),
          created: z.string(),
          notes: z.array(z.string()),
          changes: z.array(z.string()),
          gloss_acc: z.number(),
          cat_acc: z.number(),
        }),
      )
      .openapi({ description: 'The oldest first.' }),
    production: z
      .object({
        file: z.string(),
        bytes: z.number(),
        dtype: z.string(),
        created: z.string(),
        version: z.string().nullable(),
        gloss_acc: z.number(),
      })
      .nullable()
      .openapi({ description: 'The checkpoint that was promoted or released last.' }),
    changelog: z.array(z.object({ version: z.string(), date: z.string(), text: z.string() })),
    history: z
      .array(
        z.looseObject({
          date: z.string(),
          version: z.string(),
          data: z.string(),
          clips: z.number(),
          gloss_acc: z.number(),
          verdict: z.string(),
        }),
      )
      .openapi({ description: 'How it did on data that came later.' }),
    baseline: z.string().nullable().openapi({ description: 'The release that it goes on from.' }),
    baselines: z.array(z.string()).openapi({ description: 'What it can be compared with: measured on the same clips.' }),
    next_versions: z.object({ major: z.string(), minor: z.string(), patch: z.string() }).nullable(),
    problems: z.array(z.string()).openapi({ description: 'What of its folder cannot be read, a line each.' }),
  })
  .openapi('ModelView');

const namedClass = z.object({ id: z.number(), label: z.string() });

const confusion = z
  .object({
    model: z.string(),
    head,
    heads: z.array(head).openapi({ description: 'Those that there is something to see of.' }),
    clips: z.number(),
    classes: z.array(namedClass.extend({ clips: z.number(), right: z.number() })),
    cells: z.array(z.object({ truth: z.number(), predicted: z.number(), clips: z.number() })),
  })
  .openapi('Confusion');

const choice = z.object({
  truth: namedClass,
  predicted: namedClass.nullable(),
  confidence: z.number().nullable(),
  rank_of_truth: z.number().nullable(),
  correct: z.boolean(),
});

const evaluatedClip = z
  .object({
    place: z.number(),
    file: z.string(),
    gloss: choice,
    category: choice.nullable(),
    likeliest: z.array(namedClass.extend({ probability: z.number() })),
  })
  .openapi('ClipOfEvaluation');

const glossChange = z.object({
  label: z.string(),
  clips: z.number(),
  right_before: z.number(),
  right_now: z.number(),
  f1_before: z.number(),
  f1_now: z.number(),
});

const comparison = z
  .object({
    same_clips: z.boolean().openapi({ description: 'Whether all were evaluated on exactly the same clips.' }),
    models: z.array(
      z.object({
        title: z.string(),
        data: z.object({ title: z.string(), synthetic: z.boolean() }),
        gloss: figures,
        category: figures.nullable(),
      }),
    ),
    contrasts: z
      .array(
        z.object({
          title: z.string(),
          verdict: z.string(),
          figures: z.array(z.object({ figure: z.string(), before: z.number(), now: z.number(), larger_is_better: z.boolean() })),
          improved: z.array(glossChange),
          regressed: z.array(glossChange),
        }),
      )
      .openapi({ description: 'Each of the others set against the first.' }),
    shared_clips: z.number().openapi({ description: 'Clips that all of them were evaluated on.' }),
    clips: z
      .array(
        z.object({
          file: z.string(),
          truth: z.string(),
          place: z.number().nullable().openapi({ description: 'Its place in the evaluation of `clips_of`.' }),
          said: z.array(z.object({ label: z.string().nullable(), confidence: z.number().nullable(), correct: z.boolean() })),
        }),
      )
      .openapi({ description: 'What each said of them, in the order of the models.' }),
    clips_of: z
      .string()
      .nullable()
      .openapi({ description: 'A model that GET /api/models/{name}/clips/{place} answers with these clips of.' }),
    warnings: z.array(z.string()),
  })
  .openapi('Comparison');

/** The schemas of what is answered, which tests hold answers against. */
export const modelAnswers = {
  model: modelView,
  confusion,
  clips: z.object({ total: z.number(), clips: z.array(evaluatedClip) }),
  comparison,
  check: z.object({
    findings: z.array(z.object({ severity: z.enum(['problem', 'remark']), place: z.string(), what: z.string(), todo: z.string() })),
  }),
  promoted: z.object({ model: z.string(), production: modelView.shape.production, warnings: z.array(z.string()) }),
  released: z.object({
    model: z.string(),
    version: z.string(),
    completed_only: z.boolean().openapi({ description: 'Whether an earlier release that was stopped was only finished.' }),
    changelog: z.array(z.string()),
    warnings: z.array(z.string()),
  }),
} as const;

const unknown = { 404: json('There is no such model, or it has not been evaluated.', problem) } as const;
const refused = {
  400: json('The request is not as it must be.', problem),
  ...unknown,
  422: json('It cannot be done, and why: nothing was changed.', problem),
} as const;

/** The endpoints of the registry, as the OpenAPI document describes them. */
export const modelRoutes = [
  createRoute({
    method: 'get',
    path: '/api/models/{name}',
    summary: 'A model: its card, evaluation, curves, releases and changelog.',
    request: { params: modelPath },
    responses: { 200: json('What is known of it.', modelView), ...unknown },
  }),
  createRoute({
    method: 'get',
    path: '/api/models/{name}/confusion',
    summary: 'Which signs were taken for which in the evaluation of a model.',
    request: { params: modelPath, query: confusionQuery },
    responses: { 200: json('The cells that have clips.', confusion), ...unknown },
  }),
  createRoute({
    method: 'get',
    path: '/api/models/{name}/clips',
    summary: 'The clips that a model was evaluated on, all of them or those of a cell, and what it said of each.',
    request: { params: modelPath, query: clipsQuery },
    responses: { 200: json('The clips.', modelAnswers.clips), ...unknown },
  }),
  createRoute({
    method: 'get',
    path: '/api/models/{name}/clips/{place}',
    summary: 'One of these clips, as .npz, where it still lies where it was evaluated.',
    request: { params: evaluatedClipPath },
    responses: {
      200: { description: 'The clip.', content: { 'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) } } },
      404: json('There is no such clip, or it lies there no more.', problem),
    },
  }),
  createRoute({
    method: 'get',
    path: '/api/models/{name}/check',
    summary: 'What of a model folder is not as the guide has it: to be looked at before it is released.',
    request: { params: modelPath },
    responses: { 200: json('What was found; nothing where all is well.', modelAnswers.check), ...unknown },
  }),
  createRoute({
    method: 'get',
    path: '/api/compare',
    summary: 'Models set against the first of them, by their evaluations on the same clips.',
    request: { query: compareQuery },
    responses: { 200: json('The comparison.', comparison), ...refused },
  }),
  createRoute({
    method: 'post',
    path: '/api/models/{name}/promote',
    summary: 'Makes the production checkpoint of a model: its best weights alone, evaluated anew.',
    request: { params: modelPath, body: { content: { 'application/json': { schema: promoteBody } } } },
    responses: { 200: json('It is in production.', modelAnswers.promoted), ...refused },
  }),
  createRoute({
    method: 'post',
    path: '/api/models/{name}/release',
    summary: 'Gives a model its next version and keeps it as a release, set against the one before.',
    request: { params: modelPath, body: { content: { 'application/json': { schema: releaseBody } } } },
    responses: { 200: json('It is released.', modelAnswers.released), ...refused },
  }),
] as const;
