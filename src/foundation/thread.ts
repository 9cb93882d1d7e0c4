import { Worker } from 'node:worker_threads';

/** Starts a file of Kumpas's on a thread of its own: a bare one, however this process was started; a file in TypeScript is loaded through tsx. */
export function startThread(file: string, workerData: unknown): Worker {
  const load = `require(${JSON.stringify(file)});`;
  const script = file.endsWith('.ts') ? `require(${JSON.stringify(require.resolve('tsx/cjs'))});${load}` : load;
  return new Worker(script, { eval: true, execArgv: [], workerData });
}
