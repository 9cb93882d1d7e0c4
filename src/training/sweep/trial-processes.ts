import { spawn, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepareRuntime } from '../../engine/runtime';
import { UserError } from '../../foundation/errors';
import { ownModels, type ModelDefinitions } from '../../models/model-table';
import type { TrainingEnd } from '../events';
import type { TrialProgress, TrialRunHooks, TrialWork } from './run-trial';

/** What a process is asked to train. */
export interface TrialRequest extends Omit<TrialRunHooks, 'models' | 'signal' | 'onEvent'> {
  readonly work: TrialWork;
  /** That its operations may use. */
  readonly threads: number;
  /** Of models of one's own. */
  readonly modelFiles: readonly string[];
}

/** What it answers. */
export type TrialAnswer =
  | { readonly kind: 'event'; readonly event: TrialProgress }
  | { readonly kind: 'end'; readonly end: TrainingEnd }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string | undefined };

/** A trial's process ended without a word, or a bug ended it. */
class TrialCrashed extends Error {
  override readonly name = 'TrialCrashed';
}

/**
 * A way to train trials in processes of their own, which share the processor's threads.
 * @param jobs how many of them run at once.
 * @throws UserError where a model is of no file that another process could load.
 */
export async function trialProcesses(
  jobs: number,
  models: ModelDefinitions,
): Promise<(work: TrialWork, hooks: TrialRunHooks) => Promise<TrainingEnd>> {
  const threads = Math.max(1, Math.floor(availableParallelism() / jobs));
  const modelFiles = filesOf(models);
  await prepareRuntime(); // Once, before several processes would.
  return async (work, { signal, onEvent, verbose, cacheFolder, gitCommit }) => {
    const child = start();
    const stop = (): void => {
      child.send('stop');
    };
    signal?.addEventListener('abort', stop);
    try {
      const request: TrialRequest = { work, threads, modelFiles, verbose: verbose === true, gitCommit };
      child.send(cacheFolder === undefined ? request : { ...request, cacheFolder });
      return await answerOf(child, work, onEvent);
    } finally {
      signal?.removeEventListener('abort', stop);
      if (child.exitCode === null) child.kill('SIGKILL'); // It has said its last word.
    }
  };
}

function filesOf(models: ModelDefinitions): string[] {
  return models.names.flatMap((name) => {
    if (ownModels.find(name) !== undefined) return [];
    const { file } = models.get(name);
    if (file === undefined)
      throw new UserError(`--jobs: the model ${name} lies in no file that a process of its own could load; leave --jobs out`);
    return [file];
  });
}

/** Starts the process, however this one was started; a file in TypeScript is loaded through tsx. */
function start(): ChildProcess {
  const file = path.join(__dirname, `trial-process${path.extname(__filename)}`);
  const conditions = process.execArgv.filter((argument) => argument.startsWith('--conditions'));
  const loader = file.endsWith('.ts') ? ['--import', pathToFileURL(require.resolve('tsx')).href] : [];
  return spawn(process.execPath, [...conditions, ...loader, file], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

function answerOf(child: ChildProcess, { id }: TrialWork, onEvent: TrialRunHooks['onEvent']): Promise<TrainingEnd> {
  return new Promise((resolve, reject) => {
    child.on('message', (answer: TrialAnswer) => {
      if (answer.kind === 'event') onEvent(answer.event);
      else if (answer.kind === 'end') resolve(answer.end);
      else if (answer.stack === undefined) reject(new UserError(answer.message));
      else reject(Object.assign(new TrialCrashed(answer.message), { stack: answer.stack }));
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      const how = signal ?? `exit code ${String(code)}`;
      reject(new UserError(`the process of ${id} ended (${how}); was there too little memory? Fewer --jobs need less`));
    });
  });
}
