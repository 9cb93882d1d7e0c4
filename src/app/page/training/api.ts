import { asked } from '../shared/api';

/** A training: what is known of it without its epochs. */
export interface Run {
  readonly name: string;
  readonly model: string;
  readonly created: string;
  readonly data: string | null;
  readonly state: 'running' | 'stopping' | 'finished' | 'stopped' | 'killed';
  readonly epochs: number;
  readonly completed_epochs: number;
  readonly has_categories: boolean;
  readonly best: { readonly epoch: number; readonly gloss_acc: number } | null;
  readonly at_work: {
    readonly epoch: number | null;
    readonly share: number | null;
    readonly seconds: number;
    readonly seconds_left: number | null;
  } | null;
}

/** An epoch that is done; accuracies are from 0 to 1. */
export interface Epoch {
  readonly epoch: number;
  readonly train_loss: number;
  readonly val_loss: number;
  readonly gloss_acc: number;
  readonly cat_acc: number;
  readonly lr: number;
  readonly gradient_norm: number;
  readonly memory_mb: number;
  readonly seconds: number;
  readonly clips_per_second: number;
  readonly best: boolean;
}

/** Something that happened to a training. */
export interface Incident {
  readonly after_epoch: number;
  readonly text: string;
}

/** A training with all that is known of it. */
export interface WholeRun extends Run {
  readonly epochs_done: readonly Epoch[];
  readonly incidents: readonly Incident[];
  readonly resume_command: string;
}

/** A training that the app was asked for. */
export interface Started {
  readonly id: string;
  readonly model: string;
  readonly command: string;
  readonly state: 'starting' | 'running' | 'ended' | 'failed';
  readonly run: string | null;
  readonly output: string;
}

/** A setting that can be filled in. */
export interface Field {
  readonly key: string;
  readonly description: string;
  readonly expected: string;
  readonly choices: readonly string[] | null;
  readonly is_further: boolean;
}

type Defaults = Readonly<Record<string, string>>;

/** What a training may be started with. */
export interface Choices {
  readonly models: readonly {
    readonly name: string;
    readonly fields: readonly Field[];
    readonly presets: readonly { readonly name: string; readonly defaults: { readonly demo: Defaults; readonly data: Defaults } }[];
  }[];
  readonly data: readonly { readonly value: string; readonly title: string }[];
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

export function fetchChoices(): Promise<Choices> {
  return asked('/api/training');
}

/** Starts a training. @throws Refused where a field is wrong. */
export function startTraining(request: Request): Promise<Started> {
  return send('/api/runs', request);
}

/** Goes on with a training, to so many epochs in all. @throws Refused where the number is wrong. */
export function resumeRun(name: string, epochs: string): Promise<Started> {
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
  readonly onSnapshot: (now: { readonly runs: readonly Run[]; readonly started: readonly Started[] }) => void;
  readonly onRun: (run: Run) => void;
  readonly onEpoch: (epoch: Epoch & { readonly run: string }) => void;
  readonly onIncident: (incident: { readonly run: string; readonly text: string }) => void;
  readonly onStarted: (started: readonly Started[]) => void;
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
    listener.onStarted((data as { readonly started: readonly Started[] }).started);
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
