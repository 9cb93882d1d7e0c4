import { MessageWriter } from './captured/message-writer';
import { cancelRuns, startServer } from './captured/session';

/** Where processes compute together: what a program is given that runs on all of them. */
export interface Cluster {
  /** The target of sessions that see the devices of all. */
  readonly target: string;
  /** TensorFlow's names of the devices, one of each process, by rank. */
  readonly devices: readonly string[];
}

/**
 * Starts TensorFlow's server in this process, as one of those that compute together. It computes what the others place on it, until the process ends. TensorFlow's channel is
 * neither encrypted nor authenticated: whoever reaches it can have it compute anything, so it belongs on a private network.
 * @param addresses `host:port` of all servers, by rank; this one listens at its own and at no other.
 * @param host of its address.
 * @throws Error where the port is taken, or TensorFlow cannot be kept from listening at all of the machine's addresses.
 */
export function startClusterServer(addresses: readonly string[], rank: number, host: string): Cluster {
  const { target } = startServer(serverDefinition(addresses, rank), host);
  return { target, devices: addresses.map((_, task) => `/job:${JOB}/replica:0/task:${task}/device:CPU:0`) };
}

/** Ends what runs on a cluster with an error, now or soon: where one of its processes is gone, a step that waits for it would wait forever. */
export function cancelCluster({ target }: Cluster): void {
  cancelRuns(target);
}

const JOB = 'worker';

/** A ServerDef; the numbers are those of the fields in tensorflow/core/protobuf/tensorflow_server.proto and cluster.proto. */
function serverDefinition(addresses: readonly string[], rank: number): Uint8Array {
  const out = new MessageWriter();
  out.within(1, () => {
    out.within(1, () => {
      out.text(1, JOB);
      for (const [task, address] of addresses.entries())
        out.within(2, () => {
          out.integer(1, task);
          out.text(2, address);
        });
    });
  });
  out.text(2, JOB);
  out.integer(3, rank);
  out.text(5, 'grpc');
  return out.bytes();
}
