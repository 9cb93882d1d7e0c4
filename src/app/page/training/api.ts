import type { EpochFigures, RunSummary, StartedTraining, TrainingChoices } from '../../training-answers';
import { asked } from '../shared/api';

/** Something that happened to a training. */
export interface Incident {
  readonly after_epoch: number;
  readonly text: string;
}

/** A training with all that is known of it. */
export interface WholeRun extends RunSummary {
  readonly epochs_done: readonly EpochFigures[];
  readonly incidents: readonly Incident[];
  readonly resume_command: string;
}

/** What a training is started with. */
export interface Request {
  readonly model: string;
  readonly preset?: string;
  readonly data: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** A request that was refused, with what is wrong with each field. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly fields: Readonly<Record<string, string>>,
  ) {
    super(message);
  }
}

/** A training by its name, with all its epochs. */
export function fetchRun(name: string): Promise<WholeRun> {
  return asked(addressOf(name));
}

export function fetchChoices(): Promise<TrainingChoices> {
  return asked('/api/training');
}

/** Starts a training. @throws Refused where a field is wrong. */
export function startTraining(request: Request): Promise<StartedTraining> {
  return send('/api/runs', request);
}

/** Goes on with a training, to so many epochs in all. @throws Refused where the number is wrong. */
export function resumeRun(name: string, epochs: string): Promise<StartedTraining> {
  return send(`${addressOf(name)}/resume`, { epochs });
}

/** Asks a training to save everything and end. */
export async function stopRun(name: string): Promise<void> {
  await send(`${addressOf(name)}/stop`, {});
}

/** Ends one that has not begun yet. */
export async function stopStarted(id: string): Promise<void> {
  await send(`/api/started/${encodeURIComponent(id)}/stop`, {});
}

function addressOf(name: string): string {
  return `/api/runs/${encodeURIComponent(name)}`;
}

async function send<Body>(address: string, body: object): Promise<Body> {
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(address, request);
  const answer = (await response.json()) as Body & { readonly error?: string; readonly fields?: Readonly<Record<string, string>> };
  if (!response.ok) throw new Refused(answer.error ?? response.statusText, answer.fields ?? {});
  return answer;
}

/** What is told of trainings as it happens. */
export interface RunListener {
  /** All of it: at the beginning, and where something was missed. */
  readonly onSnapshot: (now: { readonly runs: readonly RunSummary[]; readonly started: readonly StartedTraining[] }) => void;
  readonly onRun: (run: RunSummary) => void;
  readonly onEpoch: (epoch: EpochFigures & { readonly run: string }) => void;
  readonly onIncident: (incident: { readonly run: string; readonly text: string }) => void;
  readonly onStarted: (started: readonly StartedTraining[]) => void;
  /** Whether the app can be heard; after a break it is asked again by itself. */
  readonly onConnection: (isThere: boolean) => void;
}

/** Listens to what happens to trainings, as long as the page is open. */
export function listenToRuns(listener: RunListener): void {
  const source = new EventSource('/api/events');
  const on = (event: string, tell: (data: unknown) => void): void => {
    source.addEventListener(event, ({ data }: MessageEvent<string>) => {
      tell(JSON.parse(data));
    });
  };
  // What the app tells is what its description of the API says.
  on('snapshot', listener.onSnapshot as (data: unknown) => void);
  on('run', listener.onRun as (data: unknown) => void);
  on('epoch', listener.onEpoch as (data: unknown) => void);
  on('incident', listener.onIncident as (data: unknown) => void);
  on('started', (data) => {
    listener.onStarted((data as { readonly started: readonly StartedTraining[] }).started);
  });
  source.addEventListener('open', () => {
    listener.onConnection(true);
  });
  source.addEventListener('error', () => {
    listener.onConnection(false);
    // Refused, and not only cut off: the browser does not ask again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(listenToRuns, 5000, listener);
  });
}
