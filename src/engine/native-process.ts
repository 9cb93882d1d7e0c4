import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { allocateLargeBy } from '../foundation/large-memory';

/** What Node cannot ask of the operating system for its process: the functions of `native/process`, compiled. */
interface ProcessLibrary {
  /** Standard error goes nowhere until {@link restore}. */
  silence(): void;
  restore(): void;
  /** Waits for a library that a thread was told to load. */
  finish(): void;
  /** Gives back the pages of TensorFlow's libraries that are as in their files. */
  release(): void;
  /** Has the handlers of signals that are there now run on a stack of this thread's own for them. */
  useSignalStack(): void;
  /** Zeros in large pages; undefined where there is no such memory. */
  allocate(bytes: number): ArrayBuffer | undefined;
}

/** Where @tensorflow/tfjs-node-gpu looks for its compiled binding. */
export function bindingFile(): string {
  return path.join(path.dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json')), 'lib/napi-v8/tfjs_binding.node');
}

/** A file that is compiled beside a binding that is there. */
export function besideBinding(binding: string, name: string): string {
  return path.join(path.dirname(realpathSync(binding)), name);
}

/** The library that was compiled beside the binding; a binding compiled by other means has none. */
export function processLibrary(binding = bindingFile()): ProcessLibrary | undefined {
  const file = existsSync(binding) ? besideBinding(binding, 'process.node') : '';
  return existsSync(file) ? (createRequire(__filename)(file) as ProcessLibrary) : undefined;
}

/** Has large files read into large pages from now on, where the library is there, which must have been prepared: it is loaded unseen. */
export function useLargePages(): void {
  const library = processLibrary();
  if (library !== undefined) allocateLargeBy((bytes) => library.allocate(bytes));
}

/**
 * Keeps handlers of signals off the stack that TensorFlow computes on, now and whenever somebody listens for another signal: oneDNN has that stack lie in the heap for a while, where a handler would
 * write over what lies below.
 */
export function keepSignalsAside(): void {
  const library = processLibrary();
  if (library === undefined || keptAside) return;
  keptAside = true;
  library.useSignalStack();
  process.on('newListener', (name) => {
    if (typeof name === 'string' && name.startsWith('SIG')) library.useSignalStack(); // Node's own listener, which is asked before this one, has just begun to handle it.
  });
}

let keptAside = false;
