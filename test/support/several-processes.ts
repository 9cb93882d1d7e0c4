import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from '@jest/globals';
import { readTrainingLog } from '../../src/folder/training-log';
import { freePort } from '../../src/training/cluster/addresses';
import { checkout, kumpasProgram } from './commands';

/** One of the processes of a training, and what it has printed. */
export interface Process {
  readonly child: ChildProcess;
  readonly printed: () => string;
  /** Its exit code, or the signal that ended it. */
  readonly end: Promise<unknown>;
}

export function start(...argv: readonly string[]): Process {
  const child = spawn(process.execPath, [...kumpasProgram, 'train', ...argv], { cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  return { child, printed: () => text, end: once(child, 'exit').then(([code, signal]: unknown[]) => code ?? signal) };
}

async function addressesOf(count: number): Promise<string[]> {
  const ports = await Promise.all(Array.from({ length: count }, () => freePort('127.0.0.1', 0, 0)));
  return ports.map((port) => `127.0.0.1:${port}`);
}

/** Starts a training in as many processes, rank 0 first. */
export async function startTogether(count: number, flags: readonly string[]): Promise<{ processes: Process[]; addresses: string[] }> {
  const addresses = await addressesOf(count);
  const processes = addresses.map((_, rank) => start(...flags, '--workers', addresses.join(), '--rank', String(rank)));
  return { processes, addresses };
}

export async function whole(processes: readonly Process[]): Promise<void> {
  for (const { end, printed } of processes) {
    const code = await end;
    expect({ code, text: code === 0 ? '' : printed() }).toEqual({ code: 0, text: '' });
  }
}

/** The only model folder in a folder. */
export function modelIn(folder: string): string {
  const [name] = existsSync(folder) ? readdirSync(folder).filter((each) => each.startsWith('transformer_')) : [];
  return path.join(folder, name ?? '');
}

export function losses(folder: string): number[] {
  return readTrainingLog(path.join(modelIn(folder), 'training_log.txt')).flatMap((row) => [row.train_loss, row.val_loss]);
}

export function logLength(folder: string): number {
  const file = path.join(modelIn(folder), 'training_log.txt');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length - 1 : 0;
}

export function expectClose(ours: readonly number[], theirs: readonly number[]): void {
  expect(ours).toHaveLength(theirs.length);
  for (const [place, loss] of ours.entries()) expect(Math.abs(loss - (theirs[place] ?? NaN))).toBeLessThan(1e-5);
}
