/** The thread that shows the other processes of a training that this one is alive, however long its main thread computes, reads or writes: a byte each time, to all who have come. */
import { createServer, type AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../foundation/errors';
import { required } from '../../foundation/required';

/** What the thread is started with. */
export interface HeartbeatOrder {
  /** The address that it listens at, and no other. */
  readonly host: string;
  /** Between two beats. */
  readonly milliseconds: number;
}

/** The port that the system chose, or why it listens at none. */
export type HeartbeatReply = { readonly port: number } | { readonly problem: string };

const { host, milliseconds } = workerData as HeartbeatOrder;
const port = required(parentPort, 'the thread that started this one');

const server = createServer((socket) => {
  const beating = setInterval(() => socket.write('.'), milliseconds);
  socket.resume();
  socket.on('error', () => undefined); // It closes then.
  socket.on('close', () => {
    clearInterval(beating);
  });
});
server.on('error', (error) => {
  port.postMessage({ problem: messageOf(error) } satisfies HeartbeatReply);
});
server.listen({ host, port: 0 }, () => {
  port.postMessage({ port: (server.address() as AddressInfo).port } satisfies HeartbeatReply);
});
