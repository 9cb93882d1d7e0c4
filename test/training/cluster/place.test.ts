import { describe, expect, it } from '@jest/globals';
import { UserError } from '../../../src/foundation/errors';
import { clusterPlace, checkedPlace, type ClusterPlace, type LaunchedBy } from '../../../src/training/cluster/place';
import { slurmNodes } from '../../../src/training/cluster/slurm-nodes';

const from = (environment: LaunchedBy['environment'], flags: Pick<LaunchedBy, 'workers' | 'rank'> = {}): ClusterPlace | undefined =>
  clusterPlace({ environment, ...flags });

const two = ['10.0.0.1:2222', '10.0.0.2:2222'];
const inTwo = { cluster: { worker: two }, task: { type: 'worker', index: 1 } };
const torchrun = { RANK: '1', WORLD_SIZE: '3', MASTER_ADDR: 'node7', MASTER_PORT: '29500' };
const slurm = { SLURM_PROCID: '2', SLURM_STEP_NUM_TASKS: '4', SLURM_NTASKS: '8', SLURM_STEP_NODELIST: 'gpu[03-04]', SLURM_JOB_ID: '41' };

describe('the place of a process in a training over several', () => {
  it.each<[string, LaunchedBy['environment'], Pick<LaunchedBy, 'workers' | 'rank'>, ClusterPlace]>([
    ['flags', {}, { workers: two.join(','), rank: '1' }, { rank: 1, workers: two }],
    [
      'flags over the environment',
      { ...torchrun, TF_CONFIG: '{}' },
      { workers: 'a:1, b:2 ,[::1]:3', rank: '0' },
      { rank: 0, workers: ['a:1', 'b:2', '[::1]:3'] },
    ],
    ['--workers with torchrun’s rank', torchrun, { workers: two.join(',') }, { rank: 1, workers: two }],
    ['--workers with Slurm’s rank', { SLURM_PROCID: '1' }, { workers: two.join(',') }, { rank: 1, workers: two }],
    ['--workers with an Indexed Job’s', { JOB_COMPLETION_INDEX: '0' }, { workers: two.join(',') }, { rank: 0, workers: two }],
    ['TF_CONFIG', { TF_CONFIG: JSON.stringify(inTwo) }, {}, { rank: 1, workers: two }],
    ['TF_CONFIG over torchrun’s', { ...torchrun, TF_CONFIG: JSON.stringify(inTwo) }, {}, { rank: 1, workers: two }],
    [
      'TF_CONFIG with a chief, who is the first',
      { TF_CONFIG: JSON.stringify({ cluster: { worker: two, chief: ['c:1'] }, task: { type: 'worker', index: 1 } }) },
      {},
      { rank: 2, workers: ['c:1', ...two] },
    ],
    ['torchrun’s', torchrun, {}, { rank: 1, workers: ['node7:29500', null, null] }],
    ['torchrun’s over IPv6', { ...torchrun, MASTER_ADDR: 'fe80::1' }, {}, { rank: 1, workers: ['[fe80::1]:29500', null, null] }],
    ['torchrun’s over Slurm’s', { ...slurm, ...torchrun }, {}, { rank: 1, workers: ['node7:29500', null, null] }],
    ['Slurm’s', slurm, {}, { rank: 2, workers: ['gpu03:20041', null, null, null] }],
    ['Slurm’s with a port', { ...slurm, MASTER_PORT: '4000' }, {}, { rank: 2, workers: ['gpu03:4000', null, null, null] }],
    [
      'Slurm’s older',
      { ...slurm, SLURM_STEP_NUM_TASKS: undefined, SLURM_NTASKS: '3' },
      {},
      { rank: 2, workers: ['gpu03:20041', null, null] },
    ],
  ])('is read of %s', (_, environment, flags, place) => {
    expect(from(environment, flags)).toEqual(place);
  });

  it.each<[string, LaunchedBy['environment']]>([
    ['nothing', {}],
    ['empty variables', { TF_CONFIG: '', WORLD_SIZE: ' ' }],
    ['one of one process', { RANK: '0', WORLD_SIZE: '1' }],
    ['a rank alone', { RANK: '3' }],
    ['TF_CONFIG with one worker', { TF_CONFIG: JSON.stringify({ cluster: { worker: ['a:1'] }, task: { type: 'worker', index: 0 } }) }],
    ['a batch script that no srun started', { SLURM_PROCID: '0', SLURM_NTASKS: '4', SLURM_JOB_NODELIST: 'a[1-4]' }],
    ['a step of one task', { SLURM_PROCID: '0', SLURM_STEP_NUM_TASKS: '1', SLURM_STEP_NODELIST: 'a1' }],
  ])('is that of an ordinary training with %s', (_, environment) => {
    expect(from(environment)).toBeUndefined();
  });

  it.each<[RegExp, LaunchedBy['environment'], Pick<LaunchedBy, 'workers' | 'rank'>]>([
    [/^--rank: needs --workers/, {}, { rank: '0' }],
    [/^--workers: needs --rank, this process's place in the list, from 0 to 1/, {}, { workers: two.join(',') }],
    [/^--rank: expected a whole number, found "-1"/, {}, { workers: two.join(','), rank: '-1' }],
    [/^--workers: expected a rank from 0 to 0, for 1 process, found 3/, {}, { workers: 'a:1', rank: '3' }],
    [/^--workers: expected a rank from 0 to 1, for 2 processes, found 2/, {}, { workers: two.join(','), rank: '2' }],
    [/^--workers: expected addresses like .*, found "10\.0\.0\.1"/, {}, { workers: '10.0.0.1,b:2', rank: '0' }],
    [/^--workers: expected addresses like .*, found "a:70000"/, {}, { workers: 'a:70000,b:2', rank: '0' }],
    [/^--workers: expected addresses like .*, found "http:\/\/a:1"/, {}, { workers: 'http://a:1,b:2', rank: '0' }],
    [/^--workers: expected addresses like .*, found ""/, {}, { workers: 'a:1,,b:2', rank: '0' }],
    [/^--workers: a:1 is there twice/, {}, { workers: 'a:1,a:1', rank: '0' }],
    [/^TF_CONFIG: .* found no workers; unset it/, { TF_CONFIG: 'nonsense' }, {}],
    [/^TF_CONFIG: .* found no workers/, { TF_CONFIG: '{"cluster":{}}' }, {}],
    [/^TF_CONFIG: .* found a job "ps"/, { TF_CONFIG: JSON.stringify({ ...inTwo, cluster: { worker: two, ps: ['c:1'] } }) }, {}],
    [
      /^TF_CONFIG: .* found a list of worker that is none/,
      { TF_CONFIG: JSON.stringify({ ...inTwo, cluster: { worker: { 0: 'a:1' } } }) },
      {},
    ],
    [
      /^TF_CONFIG: .* found task 5 of 2 of the job worker/,
      { TF_CONFIG: JSON.stringify({ ...inTwo, task: { type: 'worker', index: 5 } }) },
      {},
    ],
    [/^TF_CONFIG: .* found no task/, { TF_CONFIG: JSON.stringify({ ...inTwo, task: { type: 'evaluator', index: 0 } }) }, {}],
    [/^WORLD_SIZE: expected a whole number, found "many"/, { WORLD_SIZE: 'many' }, {}],
    [/^WORLD_SIZE is 3 and RANK is missing: .*unset WORLD_SIZE/, { ...torchrun, RANK: undefined }, {}],
    [/^WORLD_SIZE is 3 and MASTER_PORT is missing/, { ...torchrun, MASTER_PORT: undefined }, {}],
    [/^RANK, WORLD_SIZE.*expected a rank from 0 to 2, for 3 processes, found 7/, { ...torchrun, RANK: '7' }, {}],
    [/^SLURM_STEP_NUM_TASKS is 4 and SLURM_PROCID is missing/, { ...slurm, SLURM_PROCID: undefined }, {}],
    [/^SLURM_STEP_NODELIST: expected nodes .* found "gpu\[3"/, { ...slurm, SLURM_STEP_NODELIST: 'gpu[3' }, {}],
  ])('is refused in one line: %s', (message, environment, flags) => {
    const attempt = (): unknown => from(environment, flags);
    expect(attempt).toThrow(UserError);
    expect(attempt).toThrow(message);
  });

  it('has the timeouts that were typed, of processes that train together alone', () => {
    const typed = { environment: {}, workers: two.join(','), rank: '1', joinTimeout: '5', heartbeatTimeout: '7.5' };
    expect(clusterPlace(typed)).toEqual({ rank: 1, workers: two, joinTimeout: 5, heartbeatTimeout: 7.5 });
    expect(() => clusterPlace({ ...typed, joinTimeout: 'soon' })).toThrow('--join-timeout: expected seconds, from 1 to 86400, found soon');
    expect(() => clusterPlace({ ...typed, heartbeatTimeout: '0' })).toThrow(
      '--heartbeat-timeout: expected seconds, from 1 to 86400, found 0',
    );
    expect(() => clusterPlace({ environment: {}, heartbeatTimeout: '7' })).toThrow(
      '--heartbeat-timeout: only where several processes train',
    );
  });

  it('may be given by a program, and is checked the same way', () => {
    const place = { rank: 1, workers: ['a:1', null] };
    expect(checkedPlace(place, 'train(): cluster')).toEqual(place);
    expect(() => checkedPlace({ rank: 0, workers: [null, 'a:1'] }, 'train(): cluster')).toThrow('the address of rank 0 is missing');
    expect(() => checkedPlace({ rank: 0.5, workers: ['a:1'] }, 'train(): cluster')).toThrow('found 0.5');
  });
});

describe('a list of nodes of Slurm', () => {
  it.each([
    ['node7', ['node7']],
    ['node[1-3]', ['node1', 'node2', 'node3']],
    ['node[08-11,3]', ['node08', 'node09', 'node10', 'node11', 'node3']],
    ['a1,b[1-2],c-3', ['a1', 'b1', 'b2', 'c-3']],
    ['rack[1-2]n[1-2].hpc', ['rack1n1.hpc', 'rack1n2.hpc', 'rack2n1.hpc', 'rack2n2.hpc']],
  ])('%s', (list, nodes) => {
    expect(slurmNodes(list)).toEqual(nodes);
  });

  it.each(['', 'a,,b', 'a[', 'a]b[1', 'a[x-y]', 'a[3-1]', 'a[1-999999999]', 'a[]', 'a[1-90000]b[1-90000]'])('refuses "%s"', (list) => {
    expect(() => slurmNodes(list)).toThrow(UserError);
  });
});
