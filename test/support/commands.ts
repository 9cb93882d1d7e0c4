import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from '@jest/globals';

/** The checkout: where commands run that are told no other folder. */
export const checkout = path.resolve(__dirname, '../..');

/** Node's argument that makes `kumpas` the source. */
const source = '--conditions=kumpas-source';

/** Node's arguments to run a command of Kumpas's, as npm's scripts do: what a test starts and kills, or gives to a shell. */
export const kumpasProgram: readonly string[] = [source, path.join(checkout, 'scripts/run.js')];

/** What a command printed, and its exit code. */
export interface Printed {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** What the server is asked to run. */
export interface CommandRequest {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Variables beside those that the tests run with. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What the server answers; what was printed stands in its files. */
export interface CommandEnd {
  readonly code: number;
}

/** Runs a command in a process of its own, with a start of its own. */
export function kumpasAlone(argv: readonly string[], { cwd, environment }: Partial<Omit<CommandRequest, 'argv'>> = {}): Printed {
  const env = { ...process.env, ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, [...kumpasProgram, ...argv], {
    encoding: 'utf8',
    cwd: cwd ?? checkout,
    env,
  });
  return { code: status, output: stdout, errors: stderr };
}

/** Ways to run commands in one process that all of a test file's commands share, so that each costs what it computes and only the first a start. */
export interface Commands {
  /** Runs a command in the checkout. */
  readonly kumpas: (...argv: readonly string[]) => Promise<Printed>;
  /** Runs a command in another folder, or with further variables of the environment. */
  readonly kumpasIn: (place: string | Omit<CommandRequest, 'argv'>, ...argv: readonly string[]) => Promise<Printed>;
}

/**
 * Commands that run, one after another, in a process beside the tests: the code of `src/cli/main.ts`, but for what only the end of a process shows. A test of
 * signals, of closed output or of the start takes a process of its own ({@link kumpasAlone}, {@link kumpasProgram}).
 */
export function sharedCommands(): Commands {
  let server: CommandServer | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  afterAll(async () => {
    await server?.end();
  });
  const kumpasIn: Commands['kumpasIn'] = (place, ...argv) => {
    const request = typeof place === 'string' ? { argv, cwd: place, environment: {} } : { argv, ...place };
    const answer = turn.then(() => {
      if (server === undefined || server.hasEnded) server = new CommandServer();
      return server.run(request);
    });
    turn = answer.catch(() => undefined);
    return answer;
  };
  return { kumpas: (...argv) => kumpasIn(checkout, ...argv), kumpasIn };
}

/** A process that runs one command after another; what it prints goes into files, so that nothing of it is missing when the command has ended. */
class CommandServer {
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'kumpas-commands-'));
  private readonly files = [path.join(this.folder, 'output'), path.join(this.folder, 'errors')] as const;
  private readonly descriptors = this.files.map((file) => openSync(file, 'a'));
  private readonly process: ChildProcess;
  private isRunning = false;

  constructor() {
    this.process = spawn(process.execPath, [source, path.join(__dirname, 'start-command-server.js')], {
      cwd: checkout,
      stdio: ['ignore', ...this.descriptors, 'ipc'],
    });
  }

  async run(request: CommandRequest): Promise<Printed> {
    for (const descriptor of this.descriptors) ftruncateSync(descriptor);
    const waiting = new AbortController();
    const { signal } = waiting;
    this.isRunning = true;
    this.process.send(request);
    const [end] = (await Promise.race([
      once(this.process, 'message', { signal }),
      once(this.process, 'exit', { signal }).then(() => [undefined]),
    ])) as [CommandEnd | undefined];
    waiting.abort();
    this.isRunning = false;
    const [output, errors] = [readFileSync(this.files[0], 'utf8'), readFileSync(this.files[1], 'utf8')];
    if (end === undefined) throw new Error(`the process ended while it ran ${request.argv.join(' ')}:\n${output}${errors}`);
    return { code: end.code, output, errors };
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  async end(): Promise<void> {
    const ended = this.hasEnded ? undefined : once(this.process, 'exit');
    if (this.isRunning) this.process.kill('SIGKILL');
    else if (this.process.connected) this.process.disconnect(); // At which it ends, and keeps its modules for the next one.
    await ended;
    for (const descriptor of this.descriptors) closeSync(descriptor);
    rmSync(this.folder, { recursive: true });
  }
}
