import { createRoute, z } from '@hono/zod-openapi';
import { framesSchema } from './uploads';

/** What names a model. */
export const modelQuery = z.object({
  model: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .openapi({ description: 'The name of a model, as GET /api/models lists it; the default one where it is left out.' }),
});

export const predictQuery = modelQuery.extend({
  top_k: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(5)
    .openapi({ description: 'Signs to name, most likely first; 0 for all.', example: 5 }),
});

export const sampleQuery = modelQuery.extend({
  place: z.coerce.number().int().min(0).max(1000).default(0).openapi({ description: 'The place in the list of samples, from 0.' }),
});

const ranked = z
  .array(z.object({ id: z.number(), label: z.string(), probability: z.number() }))
  .openapi({ description: 'Classes, most likely first; probabilities are from 0 to 1.' });

const prediction = z
  .object({ file: z.string(), model: z.string(), gloss: ranked, category: ranked, warnings: z.array(z.string()) })
  .openapi('Prediction');
const refused = z.object({ file: z.string(), model: z.string(), error: z.string() }).openapi('RefusedClip');
const predictions = z.object({ predictions: z.array(z.union([prediction, refused])) }).openapi('Predictions');
const classNamed = z.object({ id: z.number(), label: z.string() });
const evaluated = prediction
  .extend({
    truth: classNamed.openapi({ description: 'The sign that the file names.' }),
    rank: z.number().openapi({ description: 'The place of that sign among all, the likeliest first: 1 where the model is right.' }),
  })
  .openapi('EvaluatedClip');
const evaluation = z
  .object({
    clips: z.number().openapi({ description: 'The clips that count.' }),
    metrics: z.object({ accuracy: z.number(), top_5_accuracy: z.number(), f1_weighted: z.number(), f1_macro: z.number() }),
    confusion: z
      .array(z.object({ truth: classNamed, predicted: classNamed, count: z.number() }))
      .openapi({ description: 'How often clips of a sign were taken for which; what never happened is left out.' }),
    predictions: z.array(z.union([evaluated, refused])),
  })
  .openapi('Evaluation');
const shares = z.array(z.number()).openapi({ description: 'A share a frame that the model saw; they add up to 1.' });
const attention = z
  .object({
    file: z.string(),
    model: z.string(),
    attention: z
      .object({ layers: z.array(shares), overall: shares.openapi({ description: 'The mean over the layers.' }) })
      .nullable()
      .openapi({ description: 'null where the model has no attention.' }),
  })
  .openapi('Attention');
export const problem = z.object({ error: z.string() }).openapi('Problem');

const model = z
  .looseObject({
    name: z.string(),
    type: z.string(),
    version: z.string().nullable(),
    stage: z.string(),
    epoch: z.number().nullable(),
    gloss_acc: z.number().nullable(),
    cat_acc: z.number().nullable(),
    f1: z.number().nullable(),
    bytes: z.number(),
    created: z.string(),
    synthetic: z.boolean(),
    best: z.boolean(),
    is_default: z.boolean(),
    is_loaded: z.boolean(),
  })
  .openapi('Model');

/** The schemas of what is answered, which tests hold answers against. */
export const answers = {
  predictions,
  evaluation,
  attention,
  problem,
  models: z.object({ models: z.array(model) }),
  health: z.object({ status: z.literal('ok'), version: z.string(), models: z.number(), loaded: z.number(), uptime_seconds: z.number() }),
  samples: z.object({ source: z.string(), samples: z.array(z.object({ name: z.string(), gloss: z.string().nullable() })) }),
  clip: z
    .looseObject({ name: z.string(), frames: z.number(), seconds: z.number(), feeds: z.array(z.string()) })
    .openapi({ description: 'Facts of the clip, and its key points as base64 for a player.' }),
} as const;

const fileForm = z.object({
  file: z.array(z.string().openapi({ format: 'binary' })).openapi({ description: 'One or more clips, each an .npz.' }),
});

/** What an answer is described with. */
export function json(
  description: string,
  schema: z.ZodType,
): { description: string; content: { 'application/json': { schema: z.ZodType } } } {
  return { description, content: { 'application/json': { schema } } };
}

/** The endpoints, as the OpenAPI document describes them. */
export const documentedRoutes = [
  createRoute({
    method: 'get',
    path: '/api/health',
    summary: 'Whether the app answers, and how many models it has.',
    responses: { 200: json('It answers.', answers.health) },
  }),
  createRoute({
    method: 'get',
    path: '/api/models',
    summary: 'The models that are served, with their figures; the default one first.',
    responses: { 200: json('The models.', answers.models) },
  }),
  createRoute({
    method: 'post',
    path: '/api/predict',
    summary: 'Recognises the sign in each clip. One that cannot be used has an error at its place, and the others go on.',
    request: {
      query: predictQuery,
      body: { content: { 'multipart/form-data': { schema: fileForm }, 'application/json': { schema: framesSchema } } },
    },
    responses: {
      200: json('A prediction a clip, in their order: the document of "predict --json".', predictions),
      400: json('The request is not as it must be.', problem),
      404: json('There is no such model.', problem),
      413: json('Too much at once.', problem),
      422: json('None of the clips can be used.', problem),
    },
  }),
  createRoute({
    method: 'post',
    path: '/api/evaluate',
    summary: 'How well a model recognises clips whose files say their sign ("gloss" in their meta): figures, confusions, and each clip.',
    request: { query: predictQuery, body: { content: { 'multipart/form-data': { schema: fileForm } } } },
    responses: {
      200: json('The figures, and a prediction a clip, in their order.', evaluation),
      404: json('There is no such model.', problem),
      422: json('None of the clips can be used, or says a sign that the model knows.', problem),
    },
  }),
  createRoute({
    method: 'post',
    path: '/api/attention',
    summary: 'Which frames of a clip count for what a model sees, by its attention.',
    request: {
      query: modelQuery,
      body: { content: { 'multipart/form-data': { schema: fileForm }, 'application/json': { schema: framesSchema } } },
    },
    responses: {
      200: json('A share a frame.', attention),
      404: json('There is no such model.', problem),
      422: json('The clip cannot be used.', problem),
    },
  }),
  createRoute({
    method: 'post',
    path: '/api/clip',
    summary: 'What is in a clip: its facts, and its key points to play them.',
    request: { body: { content: { 'multipart/form-data': { schema: fileForm } } } },
    responses: { 200: json('The clip.', answers.clip), 422: json('The clip cannot be read.', problem) },
  }),
  createRoute({
    method: 'get',
    path: '/api/samples',
    summary: 'Clips to try a model on: of its own validation data, or of the demo set.',
    request: { query: modelQuery },
    responses: { 200: json('The clips and where they are from.', answers.samples) },
  }),
  createRoute({
    method: 'get',
    path: '/api/sample',
    summary: 'One of these clips, as .npz.',
    request: { query: sampleQuery },
    responses: {
      200: { description: 'The clip.', content: { 'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) } } },
      404: json('There is no such clip.', problem),
    },
  }),
] as const;
