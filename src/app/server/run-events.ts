import { randomBytes } from 'node:crypto';
import { newsOfTraining } from '../../training/follow-training';
import type { RunSummary, StartedTraining } from '../training-answers';
import { figuresOf, summaryOf, type Run, type Runs } from './runs';
import type { TrainingProcesses } from './training-processes';

/** What is told of trainings as it happens. */
export interface RunEvent {
  /** Goes on from the one before, so that a visitor who was cut off is told what it missed. */
  readonly id: string;
  /** All of it at once, a run that changed, an epoch that ended, something that happened to a run, or what became of those that were started. */
  readonly event: 'snapshot' | 'run' | 'epoch' | 'incident' | 'started';
  readonly data: unknown;
}

/** Visitors that are told at once. */
export const MOST_LISTENERS = 32;
/** Milliseconds between two looks at the registry. */
const LOOK_MILLISECONDS = 1000;
/** Events that are kept for those who were cut off. */
const MOST_KEPT = 1000;

/** All runs and started trainings. */
export interface TrainingsNow {
  readonly runs: readonly RunSummary[];
  readonly started: readonly StartedTraining[];
}

/** Tells all who listen what is new of the trainings of the registry. It looks only while somebody listens. */
export class RunEvents {
  private readonly listeners = new Set<(event: RunEvent) => void>();
  private readonly events: RunEvent[] = [];
  /** Tells its events from those of an app that ran before. */
  private readonly own = randomBytes(6).toString('hex');
  private readonly news = new Map<string, ReturnType<typeof newsOfTraining>>();
  private told = new Map<string, string>();
  private toldOfStarted = '';
  private count = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly runs: Runs,
    private readonly processes: TrainingProcesses,
  ) {}

  /** All runs, and those that were started. */
  now(): TrainingsNow {
    const runs = this.runs.list();
    return { runs: runs.map((run) => this.summary(run)), started: this.processes.list(runs) };
  }

  /** What answers say of a run. */
  summary(run: Run): RunSummary {
    const summary = summaryOf(run);
    return summary.state === 'running' && this.processes.isStopping(run) ? { ...summary, state: 'stopping' } : summary;
  }

  /** Whether one more may listen. */
  hasRoom(): boolean {
    return this.listeners.size < MOST_LISTENERS;
  }

  /**
   * Tells somebody from now on.
   * @param after the id of the last event that it was told; then come those that followed, where they are still known, else a snapshot.
   * @returns what ends it.
   */
  listen(after: string | undefined, listener: (event: RunEvent) => void): () => void {
    this.look();
    const place = after === undefined ? -1 : this.events.findIndex(({ id }) => id === after);
    if (place === -1) listener({ id: this.idOf(this.count), event: 'snapshot', data: this.now() });
    else for (const event of this.events.slice(place + 1)) listener(event);
    this.listeners.add(listener);
    this.timer ??= setInterval(() => {
      this.look();
    }, LOOK_MILLISECONDS).unref();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      clearInterval(this.timer);
      this.timer = undefined;
    };
  }

  /** Looks at once: something was started or stopped. */
  look(): void {
    const runs = this.runs.list();
    const told = new Map<string, string>();
    for (const run of runs) {
      const known = this.news.get(run.name);
      const news = known ?? newsOfTraining();
      this.news.set(run.name, news);
      for (const event of news(run.seen)) {
        if (known === undefined) continue; // Whoever has seen none of it asks for all of it.
        if (event.kind === 'epoch-end') this.tell('epoch', { run: run.name, ...figuresOf(event) });
        else this.tell('incident', { run: run.name, text: event.text });
      }
      const summary = this.summary(run);
      const text = JSON.stringify(summary);
      told.set(run.name, text);
      if (this.told.get(run.name) !== text) this.tell('run', summary);
    }
    const isGone = [...this.told.keys()].some((name) => !told.has(name));
    this.told = told;
    if (isGone) this.tell('snapshot', this.now());
    const started = this.processes.list(runs);
    const text = JSON.stringify(started);
    if (text !== this.toldOfStarted) this.tell('started', { started });
    this.toldOfStarted = text;
  }

  private tell(event: RunEvent['event'], data: unknown): void {
    const told: RunEvent = { id: this.idOf(++this.count), event, data };
    this.events.push(told);
    if (this.events.length > MOST_KEPT) this.events.shift();
    for (const listener of this.listeners) listener(told);
  }

  private idOf(count: number): string {
    return `${this.own}-${count}`;
  }
}
