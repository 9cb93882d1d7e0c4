import { createRoute, z } from '@hono/zod-openapi';
import { resumeSchema, startSchema } from './training-request';

const state = z
  .enum(['running', 'stopping', 'finished', 'stopped', 'killed'])
  .openapi({ description: 'killed: its process ended without saving what it was at. stopped and killed ones can be gone on with.' });

const run = z
  .object({
    name: z.string(),
    model: z.string(),
    created: z.string(),
    data: z.string().nullable(),
    state,
    epochs: z.number(),
    completed_epochs: z.number(),
    has_categories: z.boolean(),
    best: z.object({ epoch: z.number(), gloss_acc: z.number() }).nullable(),
    at_work: z
      .object({ epoch: z.number().nullable(), share: z.number().nullable(), seconds: z.number(), seconds_left: z.number().nullable() })
      .nullable()
      .openapi({ description: 'What it is at; epoch is null while the best one is evaluated at the end. Null where it does not run.' }),
  })
  .openapi('Run');

const epoch = z
  .object({
    epoch: z.number(),
    train_loss: z.number(),
    val_loss: z.number(),
    gloss_acc: z.number(),
    cat_acc: z.number(),
    lr: z.number(),
    gradient_norm: z.number(),
    memory_mb: z.number(),
    seconds: z.number(),
    clips_per_second: z.number(),
    best: z.boolean(),
  })
  .openapi('Epoch');

const started = z
  .object({
    id: z.string(),
    model: z.string(),
    command: z.string().openapi({ description: 'The command line that does the same.' }),
    state: z.enum(['starting', 'running', 'ended', 'failed']),
    run: z.string().nullable().openapi({ description: 'The name of its run, once it has one.' }),
    output: z.string().openapi({ description: 'The last lines that it printed, where it is starting or has failed.' }),
  })
  .openapi('StartedTraining');

const problem = z.object({ error: z.string() }).openapi('Problem');
const fieldProblem = problem
  .extend({ fields: z.record(z.string(), z.string()).optional() })
  .openapi('FieldProblem', { description: 'What is wrong, and with which fields.' });
const defaults = z.record(z.string(), z.string());

/** The schemas of what is answered, which tests hold answers against. */
export const trainingAnswers = {
  runs: z.object({ runs: z.array(run), started: z.array(started) }),
  run: run.extend({
    epochs_done: z.array(epoch),
    incidents: z.array(z.object({ after_epoch: z.number(), text: z.string() })),
    resume_command: z.string(),
  }),
  started,
  stopping: z.object({ state: z.literal('stopping') }),
  fieldProblem,
  choices: z.object({
    models: z.array(
      z.object({
        name: z.string(),
        fields: z.array(
          z.object({
            key: z.string(),
            description: z.string(),
            expected: z.string(),
            choices: z.array(z.string()).nullable(),
            is_further: z.boolean(),
          }),
        ),
        presets: z.array(z.object({ name: z.string(), defaults: z.object({ demo: defaults, data: defaults }) })),
      }),
    ),
    data: z.array(z.object({ value: z.string(), title: z.string() })),
  }),
} as const;

const name = z.object({ name: z.string().openapi({ description: 'The name of a run, as GET /api/runs lists it.' }) });
const id = z.object({ id: z.string().openapi({ description: 'The id of a started training, as GET /api/runs lists it.' }) });

function json(description: string, schema: z.ZodType): { description: string; content: { 'application/json': { schema: z.ZodType } } } {
  return { description, content: { 'application/json': { schema } } };
}

const noSuchRun = json('There is no such run.', problem);
const notNow = json('It cannot be done now: it runs already, or does not run.', problem);

/** The endpoints of trainings, as the OpenAPI document describes them. */
export const trainingRoutes = [
  createRoute({
    method: 'get',
    path: '/api/runs',
    summary: 'The trainings of the registry, those that run first, and those that the app started.',
    responses: { 200: json('The trainings.', trainingAnswers.runs) },
  }),
  createRoute({
    method: 'get',
    path: '/api/runs/{name}',
    summary: 'A training with all its epochs.',
    request: { params: name },
    responses: { 200: json('The training.', trainingAnswers.run), 404: noSuchRun },
  }),
  createRoute({
    method: 'get',
    path: '/api/events',
    summary: 'Server-sent events of all trainings: snapshot, run, epoch, incident, started. Last-Event-ID goes on from an event.',
    responses: {
      200: { description: 'The events.', content: { 'text/event-stream': { schema: z.string() } } },
      503: json('As many listen as may.', problem),
    },
  }),
  createRoute({
    method: 'get',
    path: '/api/training',
    summary: 'What a training may be started with: models, presets, settings, data folders.',
    responses: { 200: json('The choices.', trainingAnswers.choices) },
  }),
  createRoute({
    method: 'post',
    path: '/api/runs',
    summary: 'Starts a training in a process of its own, which goes on when the app ends.',
    request: { body: { content: { 'application/json': { schema: startSchema } } } },
    responses: {
      201: json('It starts.', started),
      400: json('The request is not as it must be.', problem),
      409: json('As many trainings run as may.', problem),
      422: json('A field is not as it must be.', fieldProblem),
    },
  }),
  createRoute({
    method: 'post',
    path: '/api/runs/{name}/stop',
    summary: 'Asks a training to stop: it finishes its step, saves everything, and can be gone on with.',
    request: { params: name },
    responses: { 202: json('It was asked.', trainingAnswers.stopping), 404: noSuchRun, 409: notNow },
  }),
  createRoute({
    method: 'post',
    path: '/api/runs/{name}/resume',
    summary: 'Goes on with a training.',
    request: { params: name, body: { content: { 'application/json': { schema: resumeSchema } } } },
    responses: { 201: json('It starts.', started), 404: noSuchRun, 409: notNow, 422: json('A field is not as it must be.', fieldProblem) },
  }),
  createRoute({
    method: 'post',
    path: '/api/started/{id}/stop',
    summary: 'Ends a training that the app started and that has no run yet.',
    request: { params: id },
    responses: { 202: json('It was asked.', trainingAnswers.stopping), 404: json('There is no such one.', problem), 409: notNow },
  }),
] as const;
