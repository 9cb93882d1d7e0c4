import { cancelCluster, startClusterServer, type Cluster } from '../../engine/cluster-server';
import { hasOwnKernels } from '../../engine/native-backend';
import { startRuntime, type Runtime, type RuntimeOptions } from '../../engine/runtime';
import { messageOf, UserError } from '../../foundation/errors';
import { required } from '../../foundation/required';
import { counted } from '../../foundation/text';
import { freePort } from './addresses';
import { Meeting, type ClusterEnd } from './meeting';
import { addressOf, addressParts, checkedPlace, type ClusterPlace } from './place';
import { workFor } from './worker';

/** What the processes that train together are started with. */
interface Start extends Pick<RuntimeOptions, 'verbose' | 'deterministic' | 'tf32'> {
  readonly note: (text: string) => void;
}

/** Rank 0 of a training over several processes: it leads, the others compute what it places on them. */
export class Lead {
  private constructor(
    private readonly meeting: Meeting,
    readonly runtime: Runtime,
    readonly cluster: Cluster,
  ) {}

  /**
   * Meets the others, starts TensorFlow in all, and the servers through which they compute together.
   * @throws UserError that names who did not come, or what is missing where.
   */
  static async meet(place: ClusterPlace, { note, ...runtimeOptions }: Start): Promise<Lead> {
    const own = required(place.workers[0], 'the address of rank 0');
    const meeting = await Meeting.open(place);
    try {
      note(`rank 0 at ${own}: waiting for ${counted(place.workers.length - 1, 'other process', 'other processes')}`);
      await meeting.gather({ deterministic: runtimeOptions.deterministic === true });
      const runtime = await startRuntime({ ...runtimeOptions, inCluster: true });
      refuseUnfit(runtime);
      const others = await meeting.whenReady(kernelsHere());
      const { host } = addressParts(own, 'rank 0');
      const addresses = [addressOf(host, await freePort(host, 0, 0)), ...others];
      const cluster = startClusterServer(addresses, 0, host);
      await meeting.start(addresses);
      const cancel = (): void => {
        cancelCluster(cluster);
      };
      meeting.lost.addEventListener('abort', cancel);
      note(`${place.workers.length} processes train together: ${[own, ...others].join(', ')}`);
      return new Lead(meeting, runtime, cluster);
    } catch (error) {
      await meeting.end('failed', messageOf(error));
      throw error;
    }
  }

  /** Aborted when the training is to stop: as the given signal is, when a worker was asked to end, or when one is gone. */
  stopsWith(signal: AbortSignal | undefined): AbortSignal {
    return AbortSignal.any([...(signal === undefined ? [] : [signal]), this.meeting.interrupted, this.meeting.lost]);
  }

  /** Why a worker is missed; undefined where none is. */
  get loss(): UserError | undefined {
    return this.meeting.lost.aborted ? (this.meeting.lost.reason as UserError) : undefined;
  }

  /** What is behind an error: the loss of a worker, where TensorFlow failed for that; else the error. */
  async causeOf(error: unknown): Promise<unknown> {
    return (await this.meeting.lossBehind(error)) ?? error;
  }

  /** Tells the others that it is over. */
  async end(how: ClusterEnd, text?: string): Promise<void> {
    await this.meeting.end(how, text);
  }
}

/** What a process of another rank than 0 did: it has no folder and no figures. */
export interface WorkerEnd {
  readonly end: Exclude<ClusterEnd, 'failed'>;
  readonly rank: number;
}

/**
 * Computes for rank 0 until that has ended.
 * @param signal aborted where this process is asked to end: rank 0 ends the training for all then, saved.
 * @throws UserError where rank 0 cannot be reached, has vanished or failed.
 */
export async function work(
  place: ClusterPlace,
  { note, verbose, signal }: Start & { readonly signal?: AbortSignal | undefined },
): Promise<WorkerEnd> {
  const { rank, workers } = place;
  note(`worker ${rank} of ${workers.length - 1}: computes for rank 0 at ${String(workers[0])}, which has the data and the folder`);
  const end = await workFor(
    place,
    {
      startRuntime: async ({ deterministic }) => {
        refuseUnfit(await startRuntime({ verbose: verbose === true, deterministic, inCluster: true }));
        return kernelsHere();
      },
      startServer: (addresses) => {
        const { host } = addressParts(required(addresses[rank], 'the address of this process'), 'rank 0');
        startClusterServer(addresses, rank, host);
      },
    },
    signal,
  );
  return { end, rank };
}

/** The place that a program gives, where it is one of several processes. */
export function placeOf(given: ClusterPlace | undefined): ClusterPlace | undefined {
  const place = given === undefined ? undefined : checkedPlace(given, 'train(): cluster');
  return place === undefined || place.workers.length < 2 ? undefined : place;
}

/** @throws UserError where TensorFlow cannot compute with other processes here. */
function refuseUnfit({ backend, usesGpu, warning }: Runtime): void {
  if (backend !== 'native')
    throw new UserError(
      `a training over several processes needs TensorFlow's native library${warning === undefined ? '' : `: ${warning}`}`,
    );
  if (usesGpu)
    throw new UserError(
      'a training over several processes computes on processors: KUMPAS_BACKEND=cpu in the environment of each leaves the GPUs out',
    );
}

function kernelsHere(): 'own' | 'tensorflow' {
  return hasOwnKernels() ? 'own' : 'tensorflow';
}
