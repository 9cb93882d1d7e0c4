import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { collectSweep, emitSweep, sweep, type SweepOptions } from '../../src/index';
import { freePort } from '../../src/training/cluster/addresses';
import { sweepTable } from '../../src/training/sweep/results-text';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { sharedCommands } from '../support/commands';
import { writeSmallData } from '../support/small-training';

const { kumpasIn } = sharedCommands();

beforeAll(async () => {
  await useBackend('cpu');
});

const base = { emb_dim: 16, num_heads: 2, num_layers: 1, max_len: 16, batch_size: 8, num_buckets: 1, epochs: 30 } as const;

/** How many epochs a trial has logged. */
function epochsOf(out: string, trial: string): number {
  const folder = existsSync(out) ? readdirSync(out).find((name) => name.startsWith(`transformer_${trial}_`)) : undefined;
  const file = path.join(out, folder ?? '', 'training_log.txt');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length - 1 : 0;
}

/** A cluster of this one machine: it starts the script as Slurm does, in a process group of its own, and takes `scontrol requeue`. */
class Cluster {
  private readonly running = new Map<number, ChildProcess>();
  private readonly requests: string;

  constructor(
    private readonly script: string,
    private readonly folder: string,
  ) {
    this.requests = path.join(folder, 'requeued');
    mkdirSync(path.join(folder, 'bin'));
    writeFileSync(path.join(folder, 'bin/scontrol'), `#!/bin/sh\necho "$@" >> '${this.requests}'\n`, { mode: 0o755 });
    this.path = `${path.join(folder, 'bin')}:${process.env['PATH'] ?? ''}`;
  }

  private readonly path: string;

  /** Of two nodes, both this machine: `srun` starts a task on each, and hands a signal on to both. */
  async withNodes(): Promise<this> {
    const [host, port] = ['127.0.0.1', await freePort('127.0.0.1', 0, 0)];
    const step = `SLURM_STEP_NUM_TASKS=2 SLURM_STEP_NODELIST=${host} MASTER_ADDR=${host} MASTER_PORT=${port}`;
    const lines = [
      '#!/bin/bash',
      'shift',
      'tasks=()',
      `trap 'kill -TERM "\${tasks[@]}"' TERM`,
      `for rank in 0 1; do ${step} SLURM_PROCID=$rank "$@" & tasks+=($!); done`,
      'worst=0',
      'for task in "${tasks[@]}"; do',
      '  while wait "$task"; code=$?; kill -0 "$task" 2>/dev/null; do :; done',
      '  [ "$code" -eq 0 ] || worst=$code',
      'done',
      'exit "$worst"',
    ];
    writeFileSync(path.join(this.folder, 'bin/srun'), `${lines.join('\n')}\n`, { mode: 0o755 });
    return this;
  }

  start(index: number): void {
    const variables = { SLURM_ARRAY_TASK_ID: String(index), SLURM_JOB_ID: String(100 + index), PATH: this.path };
    const job = spawn('bash', [this.script], { env: { ...process.env, ...variables }, stdio: 'ignore', detached: true, cwd: '/' });
    this.running.set(index, job);
  }

  /** To the script alone, as `--signal=B:` asks for; with `group` to all its processes, as where Slurm ends a job. */
  signal(index: number, signal: NodeJS.Signals, to: 'script' | 'group'): void {
    const { pid = 0 } = this.running.get(index) ?? {};
    process.kill(to === 'group' ? -pid : pid, signal);
  }

  async end(index: number): Promise<number | null> {
    const job = this.running.get(index);
    if (job === undefined) throw new Error(`index ${index} was never started`);
    if (job.exitCode === null && job.signalCode === null) await once(job, 'exit');
    return job.exitCode;
  }

  get requeued(): string[] {
    return existsSync(this.requests) ? readFileSync(this.requests, 'utf8').trim().split('\n') : [];
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 300_000) throw new Error('it never came');
    await setTimeout(5);
  }
}

describe('the script for Slurm, started as Slurm starts it', () => {
  it('trains several indices at once, and those that were killed, preempted or out of time go on where they were', async () => {
    await inTemporaryFolder(async (folder) => {
      const place = path.join(folder, `a cluster's "disk" $(false)`);
      mkdirSync(place);
      const data = writeSmallData(place);
      const options = (name: string): SweepOptions => ({
        base: { ...base, data },
        seeds: 3,
        out: path.join(place, name),
      });
      const { file, plan } = await emitSweep(options('jobs'), { emit: 'slurm', cpus: 1 });
      const out = path.dirname(file);
      const [killed, outOfTime, preempted] = plan.trials.map(({ id }) => id);
      const cluster = new Cluster(file, folder);
      const after = async (trial = '', epochs: number): Promise<void> => until(() => epochsOf(out, trial) >= epochs);

      for (const index of [0, 1]) cluster.start(index);
      await after(killed, 1);
      cluster.signal(0, 'SIGKILL', 'group'); // Its machine failed.
      await after(outOfTime, 2);
      cluster.signal(1, 'SIGUSR1', 'script');
      expect(await cluster.end(1)).toBe(0);
      expect(cluster.requeued).toEqual(['requeue 101']);
      expect((await collectSweep(out)).undone.map(({ state }) => state)).toEqual(['cut', 'cut', 'not begun']);

      cluster.start(0);
      cluster.start(2);
      await after(preempted, 1);
      cluster.signal(2, 'SIGTERM', 'group'); // All processes are told, and the script tells its own once more.
      expect(await cluster.end(2)).toBe(143);
      expect(await cluster.end(0)).toBe(0);
      expect(epochsOf(out, preempted ?? '')).toBeLessThan(base.epochs);
      for (const index of [0, 1, 2]) cluster.start(index); // The first is done, and ends at once.
      for (const index of [0, 1, 2]) expect(await cluster.end(index)).toBe(0);
      expect(cluster.requeued).toHaveLength(1);

      const [collected, whole] = [await collectSweep(out), await sweep(options('whole'))];
      expect(collected.undone).toEqual([]);
      const tableOf = (result: typeof collected | typeof whole): string[][] =>
        sweepTable(result).map((row) => row.filter((_, column) => column !== 6)); // Times differ.
      expect(tableOf(collected)).toEqual(tableOf(whole));
      expect(collected.winner?.name).toBe(whole.winner?.name);
    });
  }, 900_000);

  it('trains one training in two processes, which goes on where it was when it was out of time', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder, { train: 16, val: 8 });
      const settings = Object.entries({ ...base, data, save_dir: 'night' }).map(([key, value]) => `--${key}=${value}`);
      expect(await kumpasIn(folder, 'train', ...settings, '--emit', 'slurm', '--processes', '2', '--cpus', '1')).toMatchObject({ code: 0 });
      const out = path.join(folder, 'night');
      const [trial] = (await collectSweep(out)).undone.map((one) => one.trial.id);
      const cluster = await new Cluster(path.join(out, 'train.sbatch'), folder).withNodes();
      cluster.start(0);
      await until(() => epochsOf(out, trial ?? '') >= 1);
      cluster.signal(0, 'SIGUSR1', 'script');
      expect(await cluster.end(0)).toBe(0);
      expect(cluster.requeued).toEqual(['requeue 100']);
      expect((await collectSweep(out)).undone.map(({ state }) => state)).toEqual(['cut']);
      const startAgain = async (): Promise<void> => {
        cluster.start(0);
        expect(await cluster.end(0)).toBe(0);
        expect((await collectSweep(out)).undone).toEqual([]);
      };
      await startAgain();
      await startAgain(); // It is done, and ends at once.
      expect(epochsOf(out, trial ?? '')).toBe(base.epochs);
    });
  }, 300_000);
});
