import { UserError } from '../../foundation/errors';
import { elementAt } from '../../foundation/required';
import { counted } from '../../foundation/text';
import { slurmNodes } from './slurm-nodes';

/** Where a process stands among those that train together. */
export interface ClusterPlace {
  /** From 0: that process reads the data, writes the folder and logs. */
  readonly rank: number;
  /** `host:port` of each process, by rank; null for one that reports its own to rank 0 when it comes. */
  readonly workers: readonly (string | null)[];
  /** Seconds that the processes wait for each other at the start; {@link JOIN_TIMEOUT} where undefined. */
  readonly joinTimeout?: number | undefined;
  /** Seconds after which a process that is silent counts as lost, and the training ends; {@link HEARTBEAT_TIMEOUT} where undefined. That of rank 0 counts. */
  readonly heartbeatTimeout?: number | undefined;
}

export const JOIN_TIMEOUT = 50;
export const HEARTBEAT_TIMEOUT = 30;

/** What says where a process stands. */
export interface LaunchedBy {
  /** Of `--workers`: addresses with commas between them. */
  readonly workers?: string | undefined;
  /** Of `--rank`. */
  readonly rank?: string | undefined;
  /** Of `--join-timeout` and `--heartbeat-timeout`: seconds. */
  readonly joinTimeout?: string | undefined;
  readonly heartbeatTimeout?: string | undefined;
  /** The process's environment variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The place of this process in a training over several, as people launch them: `--workers` and `--rank`, or TF_CONFIG, or torchrun's RANK, WORLD_SIZE, MASTER_ADDR and
 * MASTER_PORT, or Slurm's variables of a job's step, the first of these that is there. Undefined for an ordinary training, which one of a single process is.
 * @throws UserError where what is there says no place.
 */
export function clusterPlace(launched: LaunchedBy): ClusterPlace | undefined {
  const { environment, workers, rank, joinTimeout, heartbeatTimeout } = launched;
  const place =
    workers !== undefined || rank !== undefined
      ? ofFlags(launched)
      : given(environment['TF_CONFIG'])
        ? ofTensorFlow(environment['TF_CONFIG'])
        : given(environment['WORLD_SIZE'])
          ? ofTorchrun(environment)
          : given(environment['SLURM_STEP_NODELIST'])
            ? ofSlurm(environment)
            : undefined;
  const timeouts = { '--join-timeout': joinTimeout, '--heartbeat-timeout': heartbeatTimeout };
  if (place === undefined || place.workers.length < 2) {
    const idle = Object.entries(timeouts).find(([, text]) => text !== undefined);
    if (idle !== undefined) throw new UserError(`${idle[0]}: only where several processes train together, as with --workers; leave it out`);
    return undefined;
  }
  return {
    ...place,
    joinTimeout: joinTimeout === undefined ? undefined : secondsOf('--join-timeout', Number(joinTimeout), joinTimeout),
    heartbeatTimeout:
      heartbeatTimeout === undefined ? undefined : secondsOf('--heartbeat-timeout', Number(heartbeatTimeout), heartbeatTimeout),
  };
}

/**
 * A place that a program gives.
 * @param source what gives it, for messages: `train(): cluster`.
 * @throws UserError for a rank that is none of the processes', or an address that is none.
 */
export function checkedPlace({ rank, workers, joinTimeout, heartbeatTimeout }: ClusterPlace, source: string): ClusterPlace {
  for (const [key, seconds] of Object.entries({ joinTimeout, heartbeatTimeout }))
    if (seconds !== undefined) secondsOf(`${source}: ${key}`, seconds);
  if (!Number.isInteger(rank) || rank < 0 || rank >= workers.length)
    throw new UserError(
      `${source}: expected a rank from 0 to ${Math.max(0, workers.length - 1)}, for ${counted(workers.length, 'process', 'processes')}, found ${rank}`,
    );
  if (elementAt([...workers, ''], 0) === null) throw new UserError(`${source}: the address of rank 0 is missing: the others meet there`);
  const addresses = workers.filter((address) => address !== null);
  for (const address of addresses) addressParts(address, source);
  const twice = addresses.find((address, place) => addresses.indexOf(address) !== place);
  if (twice !== undefined) throw new UserError(`${source}: ${twice} is there twice; each process needs an address of its own`);
  return { rank, workers, joinTimeout, heartbeatTimeout };
}

/** A day at most: whoever waits longer has forgotten it. */
function secondsOf(source: string, seconds: number, found = String(seconds)): number {
  if (seconds >= 1 && seconds <= 86_400) return seconds;
  throw new UserError(`${source}: expected seconds, from 1 to 86400, found ${found}`);
}

/** An address's host, without the brackets of IPv6, and port. @throws UserError where it has no port, or none that there is. */
export function addressParts(address: string, source: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65535)
    throw new UserError(`${source}: expected addresses like 10.0.0.1:2222 or node7:2222, found "${address}"`);
  return { host, port };
}

/** A host and a port as an address, IPv6 in brackets. */
export function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The rank may come from the environment: the same command line is typed on every machine then. */
function ofFlags({ workers, rank, environment }: LaunchedBy): ClusterPlace {
  if (workers === undefined) throw new UserError('--rank: needs --workers, the addresses of all processes, as 10.0.0.1:2222,10.0.0.2:2222');
  const addresses = workers.split(',').map((address) => address.trim());
  const [source, value] = [
    ['--rank', rank],
    ...['RANK', 'SLURM_PROCID', 'JOB_COMPLETION_INDEX'].map((name) => [name, environment[name]] as const),
  ].find(([, text]) => given(text)) ?? ['--rank', undefined];
  if (value === undefined)
    throw new UserError(
      `--workers: needs --rank, this process's place in the list, from 0 to ${addresses.length - 1} (or RANK, SLURM_PROCID or JOB_COMPLETION_INDEX in the environment)`,
    );
  return checkedPlace({ rank: wholeNumber(source ?? '--rank', value), workers: addresses }, '--workers');
}

/** TensorFlow's own: `{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}`, with a chief before the workers where there is one. */
function ofTensorFlow(text: string | undefined): ClusterPlace {
  const refused = (what: string): UserError =>
    new UserError(
      `TF_CONFIG: expected {"cluster": {"worker": ["10.0.0.1:2222", …]}, "task": {"type": "worker", "index": 0}}, found ${what}; unset it for a training of one process`,
    );
  const config = parsed(text ?? '');
  const [cluster, task] = [member(config, 'cluster'), member(config, 'task')];
  const jobs = typeof cluster === 'object' && cluster !== null ? Object.keys(cluster) : [];
  const strange = jobs.find((job) => job !== 'worker' && job !== 'chief');
  if (strange !== undefined) throw refused(`a job "${strange}", which there is nothing for here`);
  const addressesOf = (job: string): string[] => {
    const addresses = member(cluster, job) ?? [];
    if (!Array.isArray(addresses) || !addresses.every((address) => typeof address === 'string'))
      throw refused(`a list of ${job} that is none`);
    return addresses;
  };
  const [chief, worker] = [addressesOf('chief'), addressesOf('worker')];
  if (chief.length + worker.length === 0) throw refused('no workers');
  const [type, index] = [member(task, 'type'), member(task, 'index')];
  if ((type !== 'worker' && type !== 'chief') || typeof index !== 'number') throw refused('no task that is one of the workers');
  const own = type === 'chief' ? chief : worker;
  if (!Number.isInteger(index) || index < 0 || index >= own.length) throw refused(`task ${index} of ${own.length} of the job ${type}`);
  return checkedPlace({ rank: type === 'chief' ? index : chief.length + index, workers: [...chief, ...worker] }, 'TF_CONFIG');
}

/** torchrun's variables tell the address of rank 0 alone. */
function ofTorchrun(environment: LaunchedBy['environment']): ClusterPlace | undefined {
  const size = wholeNumber('WORLD_SIZE', environment['WORLD_SIZE']);
  if (size < 2) return undefined;
  const missing = ['RANK', 'MASTER_ADDR', 'MASTER_PORT'].find((name) => !given(environment[name]));
  if (missing !== undefined)
    throw new UserError(
      `WORLD_SIZE is ${size} and ${missing} is missing: a training over several processes needs RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT; unset WORLD_SIZE for one of a single process`,
    );
  const address = addressOf(environment['MASTER_ADDR'] ?? '', wholeNumber('MASTER_PORT', environment['MASTER_PORT']));
  return checkedPlace(
    { rank: wholeNumber('RANK', environment['RANK']), workers: meetingAt(address, size) },
    'RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT',
  );
}

/** Ports that Slurm's jobs meet at unless MASTER_PORT says one: one for each job, as several may share a node. */
const SLURM_PORTS = { first: 20_000, count: 20_000 };

/**
 * The tasks of a step that srun started; the first of them runs on the first node. A batch script's own process, or a job of one task, is an ordinary training.
 */
function ofSlurm(environment: LaunchedBy['environment']): ClusterPlace | undefined {
  const [name, value] = [
    ['SLURM_STEP_NUM_TASKS', environment['SLURM_STEP_NUM_TASKS']] as const,
    ['SLURM_NTASKS', environment['SLURM_NTASKS']] as const,
  ].find(([, text]) => given(text)) ?? ['SLURM_NTASKS', '1'];
  const size = wholeNumber(name, value);
  if (size < 2) return undefined;
  if (!given(environment['SLURM_PROCID']))
    throw new UserError(`${name} is ${size} and SLURM_PROCID is missing: start the training with srun`);
  const host = given(environment['MASTER_ADDR'])
    ? (environment['MASTER_ADDR'] ?? '')
    : elementAt(slurmNodes(environment['SLURM_STEP_NODELIST'] ?? ''), 0);
  const port = given(environment['MASTER_PORT'])
    ? wholeNumber('MASTER_PORT', environment['MASTER_PORT'])
    : SLURM_PORTS.first + (wholeNumber('SLURM_JOB_ID', environment['SLURM_JOB_ID'] ?? '0') % SLURM_PORTS.count);
  const rank = wholeNumber('SLURM_PROCID', environment['SLURM_PROCID']);
  return checkedPlace({ rank, workers: meetingAt(addressOf(host, port), size) }, `SLURM_PROCID, ${name}`);
}

function meetingAt(address: string, size: number): (string | null)[] {
  return Array.from({ length: size }, (_, rank) => (rank === 0 ? address : null));
}

function given(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== '';
}

function wholeNumber(name: string, text: string | undefined): number {
  if (text !== undefined && /^\d{1,9}$/.test(text.trim())) return Number(text);
  throw new UserError(`${name}: expected a whole number, found "${text ?? ''}"`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}
