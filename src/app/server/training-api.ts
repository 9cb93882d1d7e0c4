import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import { asTyped } from '../../foundation/installation';
import { shellWord } from '../../foundation/text';
import type { ModelDefinitions } from '../../models/model-table';
import { jsonOf } from './checked-request';
import { RequestProblem } from './problem';
import { MOST_LISTENERS, RunEvents, type RunEvent } from './run-events';
import { figuresOf, Runs } from './runs';
import { TrainingProcesses } from './training-processes';
import { resumeSchema, startSchema, TrainingRequests } from './training-request';
import { trainingRoutes } from './training-routes';

/** Milliseconds after which a connection says that it is still there. */
const HEARTBEAT_MILLISECONDS = 15_000;

/** Where trainings are, and what may be asked for. */
interface TrainingPlaces {
  readonly root: string;
  /** Data folders that were named when the app was started. */
  readonly data: readonly string[];
  readonly mostAtOnce: number;
  /** The models that may be trained; those of Kumpas where absent. */
  readonly models: ModelDefinitions | undefined;
}

/** The trainings of an app. */
export interface AppTrainings {
  /** Ends the connections of those who listen. @returns the names of trainings that go on without the app. */
  readonly close: () => string[];
}

/** Adds the endpoints of trainings, and their description. */
export function addTrainingApi(app: OpenAPIHono, { root, data, mostAtOnce, models }: TrainingPlaces): AppTrainings {
  const runs = new Runs(root, models);
  const processes = new TrainingProcesses(runs, mostAtOnce);
  const requests = new TrainingRequests(runs, data, models);
  const events = new RunEvents(runs, processes);
  /** What ends the connection of each who listens; undefined where no more may come. */
  let listening: Set<() => void> | undefined = new Set();
  for (const route of trainingRoutes) app.openAPIRegistry.registerPath(route);

  app.get('/api/runs', (context) => context.json(events.now()));

  app.get('/api/runs/:name', (context) => {
    const run = runs.find(context.req.param('name'));
    const resume = asTyped(`npm run train -- --resume ${shellWord(run.folder)}`);
    const { done, incidents } = run.seen;
    return context.json({ ...events.summary(run), epochs_done: done.map(figuresOf), incidents, resume_command: resume });
  });

  app.get('/api/training', (context) => context.json(requests.choices()));

  app.post('/api/runs', async (context) => {
    const { model, argv } = requests.argumentsFor(await jsonOf(context, startSchema));
    const started = processes.start(model, argv);
    events.look();
    return context.json(started, 201);
  });

  app.post('/api/runs/:name/resume', async (context) => {
    const { name, model, argv } = requests.argumentsToResume(context.req.param('name'), await jsonOf(context, resumeSchema));
    const started = processes.start(model, argv, name);
    events.look();
    return context.json(started, 201);
  });

  app.post('/api/runs/:name/stop', (context) => {
    processes.stopRun(runs.find(context.req.param('name')));
    events.look();
    return context.json({ state: 'stopping' }, 202);
  });

  app.post('/api/started/:id/stop', (context) => {
    processes.stopStarted(context.req.param('id'));
    events.look();
    return context.json({ state: 'stopping' }, 202);
  });

  app.get('/api/events', (context) => {
    if (context.req.method === 'HEAD') return context.body(null); // Nobody would read the stream, nor end it.
    if (listening === undefined || !events.hasRoom())
      throw new RequestProblem(503, `${MOST_LISTENERS} listen already, and no more are told at once; close another page`);
    return eventStream(context, events, listening);
  });

  return {
    close: () => {
      const all = listening ?? [];
      listening = undefined;
      for (const leave of all) leave();
      return processes.goingOn();
    },
  };
}

/**
 * Tells a visitor what happens, until it leaves or the app ends.
 * @param listening takes what ends it.
 */
function eventStream(context: Context, events: RunEvents, listening: Set<() => void>): Response {
  return streamSSE(context, async (stream) => {
    await new Promise<void>((resolve) => {
      const tell = ({ id, event, data }: RunEvent): void => {
        void stream.writeSSE({ id, event, data: JSON.stringify(data) });
      };
      const end = events.listen(context.req.header('last-event-id'), tell);
      const heartbeat = setInterval(() => {
        void stream.write(': still here\n\n');
      }, HEARTBEAT_MILLISECONDS);
      const leave = (): void => {
        clearInterval(heartbeat);
        end();
        listening.delete(leave);
        resolve();
      };
      stream.onAbort(leave);
      listening.add(leave);
    });
  });
}
