import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { asTyped } from '../../foundation/installation';
import { printableText, shellWord } from '../../foundation/text';
import type { StartedTraining } from '../training-answers';
import { RequestProblem } from './problem';
import type { Run, Runs } from './runs';

/** What runs Kumpas's commands: in a checkout its source, in an installed package what was built of it. */
const PROGRAM = path.resolve(__dirname, '../../../scripts/run.js');
/** Bytes of what a training printed that are shown: its last lines. */
const SHOWN_OUTPUT = 6000;
/** Milliseconds between two looks for the run of one that was started. */
const LOOK_MILLISECONDS = 1000;
/** Trainings that have ended of which is told still. */
const MOST_ENDED = 20;

interface Started {
  readonly id: string;
  readonly model: string;
  readonly command: string;
  readonly child: ChildProcess;
  /** What it prints goes to a file without a name: it is gone when nobody has it open any more. */
  readonly output: number;
  lastOutput: string | undefined;
  run: string | null;
  /** Whether it was asked to stop, by the app. */
  wasStopped: boolean;
  hasEnded: boolean;
}

/** Starts trainings in processes of their own, and stops them. They go on when the app ends; whoever looks for running trainings finds them again by their folders. */
export class TrainingProcesses {
  private readonly started: Started[] = [];
  private readonly stopped = new Set<number>();
  private count = 0;

  constructor(
    private readonly runs: Runs,
    private readonly mostAtOnce: number,
  ) {}

  /**
   * Starts `train` as a user would type it.
   * @param resumed the name of the run that it goes on with.
   * @throws RequestProblem where as many run as may.
   */
  start(model: string, argv: readonly string[], resumed?: string): StartedTraining {
    this.requireRoom();
    const id = String(++this.count);
    const output = unnamedFile();
    const conditions = process.execArgv.filter((argument) => argument.startsWith('--conditions'));
    // Of a session of its own: Ctrl-C in the app's terminal does not reach it.
    const child = spawn(process.execPath, [...conditions, PROGRAM, 'train', ...argv], {
      stdio: ['ignore', output, output],
      detached: true,
    });
    child.unref();
    const command = asTyped(['npm run train --', ...argv.map(shellWord)].join(' '));
    const started: Started = {
      id,
      model,
      command,
      child,
      output,
      lastOutput: undefined,
      run: resumed ?? null,
      wasStopped: false,
      hasEnded: false,
    };
    const end = (): void => {
      if (started.hasEnded) return;
      started.hasEnded = true;
      started.lastOutput = tailOf(output);
      closeSync(output);
      this.forgetOld();
    };
    child.on('exit', end);
    child.on('error', end);
    this.started.push(started);
    // Whether or not anybody asks meanwhile: which run it was is known when it has ended.
    const looking = setInterval(() => {
      this.describe(started, this.runs.list());
      if (started.run !== null || started.hasEnded) clearInterval(looking);
    }, LOOK_MILLISECONDS).unref();
    return this.describe(started, this.runs.list());
  }

  /** Those that it was asked for, the newest first. */
  list(runs: readonly Run[]): StartedTraining[] {
    return this.started.map((started) => this.describe(started, runs)).reverse();
  }

  /**
   * Asks a run's process to end, once: it finishes its step, saves everything, and can be gone on with.
   * @throws RequestProblem where no process of this machine trains it.
   */
  stopRun({ name, pid, seen }: Run): void {
    if (pid === undefined)
      throw new RequestProblem(409, `${name}: ${seen.end === undefined ? 'a process of another machine trains it' : 'it does not run'}`);
    for (const started of this.started) if (started.child.pid === pid) started.wasStopped = true;
    this.askToEnd(pid);
  }

  /** Asks one to end that has no model folder yet. @throws RequestProblem where there is none such. */
  stopStarted(id: string): void {
    const found = this.started.find((started) => started.id === id);
    if (found === undefined)
      throw new RequestProblem(404, `no started training ${JSON.stringify(id.slice(0, 20))}; GET /api/runs lists them`);
    if (found.hasEnded || found.child.pid === undefined) throw new RequestProblem(409, 'it has ended already');
    found.wasStopped = true;
    this.askToEnd(found.child.pid);
  }

  /** The names of those that go on when the app ends. */
  goingOn(): string[] {
    return this.list(this.runs.list())
      .filter(({ state }) => state === 'starting' || state === 'running')
      .map(({ run, command }) => run ?? command);
  }

  /** Whether a run was asked to stop, and is about to. */
  isStopping({ pid }: Run): boolean {
    return pid !== undefined && this.stopped.has(pid);
  }

  /** A second signal would end it at once, with nothing saved: it is never sent. */
  private askToEnd(pid: number): void {
    if (this.stopped.has(pid)) return;
    this.stopped.add(pid);
    try {
      process.kill(pid, 'SIGTERM');
    } catch {
      // It has ended meanwhile, or is another user's.
    }
  }

  private requireRoom(): void {
    const runs = this.runs.list();
    const running = runs.filter(({ seen }) => seen.end === undefined).map(({ name }) => name);
    const starting = this.list(runs).filter(({ state }) => state === 'starting');
    if (running.length + starting.length < this.mostAtOnce) return;
    if (this.mostAtOnce === 0) throw new RequestProblem(409, 'this app starts no trainings: it was started with --trainings 0');
    const [name] = [...running, 'one that is starting'];
    throw new RequestProblem(
      409,
      this.mostAtOnce === 1
        ? `a training runs already (${name}); wait until it has ended, or stop it`
        : `${running.length + starting.length} trainings run already; wait until one has ended, or stop one`,
    );
  }

  private describe(started: Started, runs: readonly Run[]): StartedTraining {
    const { id, model, command, child, hasEnded } = started;
    if (!hasEnded) started.run = runs.find(({ pid }) => pid !== undefined && pid === child.pid)?.name ?? started.run;
    const isSeen = runs.some(({ name, pid }) => name === started.run && pid === child.pid);
    const state = hasEnded ? (endedWell(started) ? 'ended' : 'failed') : isSeen ? 'running' : 'starting';
    const isTelling = state === 'starting' || state === 'failed'; // Of one that runs its epochs tell.
    return { id, model, command, state, run: started.run, output: isTelling ? (started.lastOutput ?? tailOf(started.output)) : '' };
  }

  /** Keeps the newest of those that have ended. */
  private forgetOld(): void {
    const ended = this.started.filter(({ hasEnded }) => hasEnded);
    for (const old of ended.slice(0, Math.max(0, ended.length - MOST_ENDED))) this.started.splice(this.started.indexOf(old), 1);
  }
}

function endedWell({ child, wasStopped }: Started): boolean {
  return child.exitCode === 0 || wasStopped;
}

/** A file that is written, and read, by those who have it open alone. */
function unnamedFile(): number {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-training-'));
  try {
    return openSync(path.join(folder, 'output'), 'a+');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The last lines of what was written. */
function tailOf(file: number): string {
  const { size } = fstatSync(file);
  const start = Math.max(0, size - SHOWN_OUTPUT);
  const bytes = Buffer.alloc(size - start);
  const read = readSync(file, bytes, 0, bytes.length, start);
  const text = printableText(bytes.subarray(0, read).toString('utf8')).trim();
  return start === 0 ? text : text.slice(text.indexOf('\n') + 1);
}
