import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Runtime } from '../src/engine/runtime';
import { UserError } from '../src/foundation/errors';

/** PyTorch in a process of its own, which works when it is asked to and rests otherwise. */
export interface PytorchTraining {
  readonly version: string;
  /** Times so many steps, in milliseconds each. */
  steps(count: number): Promise<number[]>;
  /** Times so many of what the script calls by that name, in milliseconds each. */
  times(name: string, count: number): Promise<number[]>;
  /** Times an epoch of so many clips, in milliseconds. */
  epoch(trainClips: number, validationClips: number): Promise<number[]>;
  end(): void;
}

/**
 * @param script a file beside this one, and what it is given; it is also told where to compute
 * @param runtime what Kumpas computes on
 * @throws UserError where that Python has no PyTorch.
 */
export async function startPytorch(
  python: string,
  [script, argv]: readonly [script: string, argv: readonly (string | number)[]],
  { usesGpu }: Pick<Runtime, 'usesGpu'>,
): Promise<PytorchTraining> {
  const child = spawn(python, pytorchArguments([script, argv], usesGpu), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const line = (await lines.next()) as IteratorResult<string, undefined>;
    if (line.done === true)
      throw new UserError(`--pytorch ${python}: it ended without an answer; does \`${python} -c "import torch"\` work?`);
    return line.value;
  };
  const failed = new Promise<never>((_resolve, reject) => {
    child.on('error', (error) => {
      reject(new UserError(`--pytorch ${python}: ${error.message}`, { cause: error }));
    });
  });
  const version = await Promise.race([nextLine(), failed]);
  const request = async (line: string): Promise<number[]> => {
    child.stdin.write(`${line}\n`);
    return (await nextLine()).split(' ').map(Number);
  };
  return {
    version,
    steps: (count) => request(`step ${count}`),
    times: (name, count) => request(`${name} ${count}`),
    epoch: (trainClips, validationClips) => request(`epoch 1 ${trainClips} ${validationClips}`),
    end: () => {
      child.stdin.end();
    },
  };
}

/** Python's arguments for a script beside this file, which is told last where to compute. */
export function pytorchArguments(
  [script, argv]: readonly [script: string, argv: readonly (string | number)[]],
  usesGpu: boolean,
): string[] {
  return [path.join(__dirname, script), ...argv.map(String), usesGpu ? 'cuda' : 'cpu'];
}
