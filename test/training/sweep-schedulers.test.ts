import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Job, type IJob } from 'kubernetes-models/batch/v1/Job';
import { Service, type IService } from 'kubernetes-models/v1/Service';
import { parseAllDocuments } from 'yaml';
import { collectSweep, emitSweep, sweep, trainTrialAt, UserError, type EmitOptions, type SweepOptions } from '../../src/index';
import { lockFolder } from '../../src/foundation/folder-lock';
import { sweepTable } from '../../src/training/sweep/results-text';
import { arrayOf } from '../../src/training/sweep/schedulers/slurm';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { sharedCommands } from '../support/commands';
import { writeSmallData } from '../support/small-training';

const { kumpasIn } = sharedCommands();

beforeAll(async () => {
  await useBackend('cpu');
});

const SMALL = { emb_dim: 16, num_heads: 2, num_layers: 1, max_len: 16, batch_size: 8, num_buckets: 1, epochs: 2 } as const;

const POD = { image: 'registry.example/kumpas:1', claim: 'clips', mount_path: '/' } as const;

function sweepIn(folder: string, name: string): SweepOptions {
  return { base: { ...SMALL, data: writeSmallData(folder, { train: 8, val: 8 }) }, seeds: 2, out: path.join(folder, name) };
}

/** What is written for a sweep of six trials, in a folder `named` so. */
async function emitted(job: EmitOptions, options: Partial<SweepOptions> = {}, named = 'lr'): Promise<string> {
  return inTemporaryFolder(async (folder) => {
    const { file } = await emitSweep({ base: {}, grid: { lr: [1e-3, 1e-4] }, seeds: 3, out: path.join(folder, named), ...options }, job);
    return readFileSync(file, 'utf8');
  });
}

function madeFolder(...parts: readonly string[]): string {
  const folder = path.join(...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

describe('a sweep for a scheduler', () => {
  it('that is trained an index at a time, one of them cut, has in the end the table of an unbroken one', async () => {
    await inTemporaryFolder(async (folder) => {
      const options = sweepIn(folder, 'jobs');
      const { plan, submit, file } = await emitSweep(options, { emit: 'slurm' });
      expect(plan.trials).toHaveLength(2);
      expect(submit).toBe(`sbatch ${file}`);

      const nothing = await collectSweep(options.out);
      expect(nothing.undone).toMatchObject([
        { index: 0, state: 'not begun' },
        { index: 1, state: 'not begun' },
      ]);
      const controller = new AbortController();
      const cut = await trainTrialAt(options.out, 0, {
        signal: controller.signal,
        onEvent: ({ kind }) => {
          if (kind === 'trial-epoch') controller.abort();
        },
      });
      expect(cut).toMatchObject({ end: 'interrupted', trial: { id: 'base_seed-1' } });
      // Another process has the second one: this one leaves it alone.
      const lock = lockFolder(path.join(options.out, 'base_seed-2'), 'sweep');
      expect(await trainTrialAt(options.out, 1)).toMatchObject({ end: 'failed' });
      expect((await collectSweep(options.out)).undone.map(({ state }) => state)).toEqual(['cut', 'running']);
      lock.release();
      for (const index of [0, 1]) expect(await trainTrialAt(options.out, index)).toMatchObject({ end: 'finished' });

      const collected = await collectSweep(options.out);
      expect(collected.undone).toEqual([]);
      const whole = await sweep({ ...options, out: path.join(folder, 'whole') });
      const tableOf = (result: typeof collected | typeof whole): string[][] =>
        sweepTable(result).map((row) => row.filter((_, column) => column !== 6)); // Times differ.
      expect(tableOf(collected)).toEqual(tableOf(whole));
      expect(collected.winner?.name).toBe(whole.winner?.name);
      expect(collected.files.map((written) => path.basename(written))).toEqual(whole.files.map((written) => path.basename(written)));
      // The sweep's own command has nothing left to do.
      expect(await sweep(options)).toMatchObject({ end: 'finished', failed: [] });
    });
  });

  it('says which indices failed, and what submits them again', async () => {
    await inTemporaryFolder(async (folder) => {
      const options = { ...sweepIn(folder, 'jobs'), seeds: [1], grid: { lr: [1e30, 1e-3] } };
      await emitSweep({ ...options, base: { ...options.base, epochs: 1 } }, { emit: 'slurm' });
      expect(await trainTrialAt(options.out, 0)).toMatchObject({ end: 'failed' });
      const collect = await kumpasIn(folder, 'sweep', '--collect', 'jobs');
      expect(collect.code).toBe(1);
      expect(collect.output).toMatch(/^Failed: lr-1e-30_seed-1: .*\(learning rate/m);
      expect(collect.output).toContain('Indices that are not done: failed: 0; not begun: 1.');
      expect(collect.output).toContain('Submit them again: sbatch --array=0-1 jobs/sweep.sbatch');
      // What a pod runs, whose index Kubernetes tells.
      const place = { cwd: folder, environment: { JOB_COMPLETION_INDEX: '1' } };
      expect(await kumpasIn(place, 'sweep', '--out', 'jobs', '--trial')).toMatchObject({
        code: 0,
        output: expect.stringMatching(/^lr-0.001_seed-1\nepoch 1\/1 best .*\nlr-0.001_seed-1 gloss/),
      });
      const json = await kumpasIn(folder, 'sweep', '--out', 'jobs', '--collect', '--json');
      expect(JSON.parse(json.output)).toMatchObject({
        end: 'unfinished',
        undone: [{ index: 0, trial: 'lr-1e-30_seed-1', state: 'failed' }],
        points: [{ trials: [{ state: 'failed', failure: expect.stringContaining('learning rate') }] }, { complete: true }],
      });
      for (const [typed, problem] of [
        [['--trial', '2', '--out', 'jobs'], '--trial: expected one of jobs, from 0 to 1, found 2'],
        [
          ['--trial', '--out', 'jobs'],
          '--trial: give the index of a trial, from 0, or run it where SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX',
        ],
        [['--trial', '0', '--out', 'jobs', '--lr', '1'], '--lr: --trial takes everything from the plan'],
        [['--collect', 'nowhere'], 'nowhere: no sweep lies there: sweep.json is missing'],
        [['--out', 'jobs', '--cpus', '2'], '--cpus: only with --emit'],
        [['--out', 'jobs', '--join-timeout', '60'], '--join-timeout: only with --trial; leave it out'],
        [['--out', 'jobs', '--trial', '0', '--join-timeout', '60'], '--join-timeout: only where several processes train together'],
      ] as const)
        expect(await kumpasIn(folder, 'sweep', ...typed)).toMatchObject({ code: 1, errors: expect.stringContaining(problem) });
    });
  });

  it('is what train --folds is, of one point', async () => {
    await inTemporaryFolder(async (folder) => {
      for (const fold of [1, 2])
        renameSync(writeSmallData(folder, { train: 8, val: 8 }), path.join(madeFolder(folder, 'sets'), `fold_${fold}`));
      const typed = Object.entries({ ...SMALL, epochs: 1 }).map(([key, value]) => `--${key}=${value}`);
      const train = async (...more: readonly string[]): ReturnType<typeof kumpasIn> =>
        kumpasIn(folder, 'train', ...typed, '--data', 'sets', ...more);
      const { code, output } = await train('--folds', '2');
      expect(output).toMatch(/^ *base ★ .*2 of 2$/m);
      expect(code).toBe(0);
      expect((await collectSweep(path.join(folder, 'sweeps/sets-2-folds'))).points).toMatchObject([{ complete: true, trials: [{}, {}] }]);
      expect(await train('--folds', '2')).toMatchObject({ code: 0, output: expect.stringContaining('2 of them done already') });
      expect(await train('--folds', '3')).toMatchObject({ code: 1, errors: expect.stringContaining('sets/fold_3 is not there') });
      expect(await train('--folds', '2', '--resume')).toMatchObject({
        code: 1,
        errors: expect.stringContaining('--folds is of several trainings'),
      });
    });
  });

  it('asks Slurm for what was asked for, and is queued again', async () => {
    const script = await emitted(
      { emit: 'slurm', cpus: 2, memory: '16G', gpus: 1, time: '1-12:00:00', partition: 'gpu,long' },
      { jobs: 3 },
    );
    expect(script.split('\n').filter((line) => line.startsWith('#SBATCH'))).toEqual([
      '#SBATCH --job-name=lr',
      '#SBATCH --array=0-5%3',
      '#SBATCH --nodes=1',
      '#SBATCH --ntasks-per-node=1',
      '#SBATCH --cpus-per-task=2',
      '#SBATCH --mem=16G',
      '#SBATCH --gres=gpu:1',
      '#SBATCH --time=1-12:00:00',
      '#SBATCH --partition=gpu,long',
      '#SBATCH --requeue',
      '#SBATCH --open-mode=append',
      '#SBATCH --signal=B:USR1@120',
      expect.stringMatching(/^#SBATCH --output=\/.*\/lr\/logs\/%a\.log$/),
    ]);
    expect(await emitted({ emit: 'slurm', processes: 4 })).toMatch(
      /^srun --kill-on-bad-exit=1 .* --join-timeout 600 --trial "\$SLURM_ARRAY_TASK_ID" &$/m,
    );
    expect(arrayOf([0, 3, 5, 6, 7, 9])).toBe('0,3,5-7,9');
  });

  it('runs what it should, whatever is in the names of folders', async () => {
    await inTemporaryFolder(async (folder) => {
      const out = path.join(folder, `it's "the" $(touch ran) \`best\` %a;é`);
      mkdirSync(out);
      const { file } = await emitSweep({ out }, { emit: 'slurm' });
      const script = readFileSync(file, 'utf8');
      const calls = path.join(folder, 'calls');
      writeFileSync(path.join(folder, 'node'), `#!/bin/sh\nprintf '%s\\n' "$@" > ${calls}\n`, { mode: 0o755 });
      const stubbed = script.replace(/^(?=\S*node )\S+/m, path.join(folder, 'node'));
      execFileSync('bash', ['-c', stubbed], { env: { ...process.env, SLURM_ARRAY_TASK_ID: '7' } });
      expect(readFileSync(calls, 'utf8').split('\n').slice(-6)).toEqual(['sweep', '--out', out, '--trial', '7', '']);
      expect(existsSync('ran')).toBe(false);
      // As Slurm reads its lines, a backslash takes the meaning of what follows; %% is a %.
      const log = /^#SBATCH --output=(.*)$/m.exec(script)?.[1]?.replaceAll(/\\(.)/gu, '$1').replaceAll('%%', '%');
      expect(log).toBe(`${out}/logs/%a.log`);
      await expect(emitSweep({ out: path.join(folder, 'two\nlines') }, { emit: 'slurm' })).rejects.toThrow(/has control characters/);
    });
  });

  it('is a Job of Kubernetes with an index for each trial', async () => {
    const [job, ...more] = parseAllDocuments(await emitted({ emit: 'k8s', ...POD, gpus: 1 }, { jobs: 2 }, 'Lr_1')).map(
      (document): unknown => document.toJS() as unknown,
    );
    expect(more).toEqual([]);
    const named = expect.stringMatching(/^kumpas-lr-1-[0-9a-f]{8}$/) as unknown as string;
    const labels = { 'app.kubernetes.io/name': 'kumpas', 'app.kubernetes.io/instance': named };
    const amounts = { cpu: '4', memory: '8Gi', 'nvidia.com/gpu': '1' };
    const expected: IJob = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: named, labels },
      spec: {
        completionMode: 'Indexed',
        completions: 6,
        parallelism: 2,
        backoffLimitPerIndex: 6,
        maxFailedIndexes: 6,
        podReplacementPolicy: 'Failed',
        podFailurePolicy: {
          rules: [
            { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
            { action: 'FailIndex', onExitCodes: { containerName: 'trial', operator: 'In', values: [1] } },
          ],
        },
        template: {
          metadata: { labels },
          spec: {
            restartPolicy: 'Never',
            terminationGracePeriodSeconds: 120,
            automountServiceAccountToken: false,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 1000,
              runAsGroup: 1000,
              fsGroup: 1000,
              fsGroupChangePolicy: 'OnRootMismatch',
              seccompProfile: { type: 'RuntimeDefault' },
            },
            containers: [
              {
                name: 'trial',
                image: POD.image,
                args: ['sweep', '--out', expect.stringMatching(/^\/.*\/Lr_1$/) as unknown as string, '--trial'],
                workingDir: '/',
                env: [
                  { name: 'TF_NUM_INTRAOP_THREADS', value: '4' },
                  { name: 'TF_NUM_INTEROP_THREADS', value: '4' },
                ],
                resources: { requests: amounts, limits: amounts },
                securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
                volumeMounts: [{ name: 'shared', mountPath: '/' }],
              },
            ],
            volumes: [{ name: 'shared', persistentVolumeClaim: { claimName: 'clips' } }],
          },
        },
      },
    };
    expect(job).toEqual(expected);
    new Job(job as IJob).validate();
  });

  it('is of each trial a Job and a Service where several processes train it together', async () => {
    const documents = parseAllDocuments(
      await emitted({ emit: 'k8s', ...POD, processes: 3, namespace: 'signs' }, { seeds: 1 }, 'lr $(HOME)'),
    ).map((document) => document.toJS() as unknown);
    expect(documents).toHaveLength(4);
    const [service, job] = documents as [IService, IJob];
    for (const each of [documents[0], documents[2]]) new Service(each as IService).validate();
    for (const each of [documents[1], documents[3]]) new Job(each as IJob).validate();
    const { name = '' } = job.metadata ?? {};
    expect([name, service.metadata?.name, job.spec?.template.spec?.subdomain]).toEqual(
      Array(3).fill(expect.stringMatching(/^kumpas-lr-home-[0-9a-f]{8}-0$/)),
    );
    expect(service.spec).toMatchObject({ clusterIP: 'None', selector: job.spec?.template.metadata?.labels });
    expect(job.spec).toMatchObject({ completions: 3, parallelism: 3, template: { spec: { restartPolicy: 'OnFailure' } } });
    const [container] = job.spec?.template.spec?.containers ?? [];
    expect(container?.args).toEqual([
      'sweep',
      '--out',
      expect.stringMatching(/\/lr \$\$\(HOME\)$/),
      '--join-timeout',
      '600',
      '--trial',
      '0',
    ]);
    expect(container?.env).toEqual(
      expect.arrayContaining([
        { name: 'WORLD_SIZE', value: '3' },
        { name: 'MASTER_ADDR', value: `${name}-0.${name}` },
      ]),
    );
  });

  it('has the same name of a Job each time, and another one in a folder elsewhere that is called the same', async () => {
    await inTemporaryFolder(async (folder) => {
      const nameIn = async (place: string, processes: number): Promise<string> => {
        const out = path.join(madeFolder(folder, place), 'a sweep that is called at more length than a Job may be, whoever calls it so');
        const { file } = await emitSweep({ out }, { emit: 'k8s', ...POD, processes });
        return /^ {2}name: (.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
      };
      const [one, again, other] = [await nameIn('here', 1), await nameIn('here', 2), await nameIn('there', 1)];
      expect(again).toBe(one);
      expect(other).not.toBe(one);
      expect(`${one}-9999-4095`.length).toBeLessThanOrEqual(63);
    });
  });

  it('is refused in a line where it makes no sense', async () => {
    const problemOf = async (job: EmitOptions, options: Partial<SweepOptions> = {}): Promise<string> => {
      const error: unknown = await emitted(job, options).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(UserError);
      return (error as UserError).message;
    };
    expect(await problemOf({ emit: 'slurm' }, { halving: 3 })).toMatch(
      /^--halving: a rung compares the trials of the one before, and the indices/,
    );
    expect(await problemOf({ emit: 'slurm', image: 'a' })).toBe('--image: it is of --emit k8s; leave it out');
    expect(await problemOf({ emit: 'k8s', ...POD, time: '60' })).toBe('--time: it is of --emit slurm; leave it out');
    expect(await problemOf({ emit: 'k8s', image: 'a' })).toBe(
      '--claim is missing: --emit k8s needs it\n--mount-path is missing: --emit k8s needs it',
    );
    expect(await problemOf({ emit: 'k8s', ...POD, mount_path: '/mnt' }, { base: { data: '/home/me/clips' } })).toMatch(
      /^--out: .*\n--data: \/home\/me\/clips is not below --mount-path \/mnt, the only file system that the pods see$/,
    );
    expect(await problemOf({ emit: 'slurm', memory: '8 GB', time: 'long' })).toBe(
      'emitSweep(): memory: expected a number of MiB or GiB, as 8G, found "8 GB"\nemitSweep(): time: expected a time as Slurm takes it: minutes, 4:00:00, or 1-12:00:00, found "long"',
    );
  });
});
