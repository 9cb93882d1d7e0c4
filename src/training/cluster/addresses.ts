import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { messageOf, UserError } from '../../foundation/errors';
import { addressOf, addressParts } from './place';

/**
 * Lets a server listen at an address.
 * @param rank of this process, for the message.
 * @throws UserError where this machine cannot listen there.
 */
export async function listeningAt(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
  rank: number,
): Promise<number> {
  return await new Promise((resolve, reject) => {
    const refused = (error: unknown): void => {
      reject(
        new UserError(
          `rank ${rank} cannot listen at ${addressOf(host, port)}: ${reasonOf(error)}; give an address of this machine, with a port that nothing else uses`,
          { cause: error },
        ),
      );
    };
    server.once('error', refused);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', refused);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** A port of a host of this machine at which nothing listens now: the one that is asked for, or, for 0, one that the system chooses. */
export async function freePort(host: string, port: number, rank: number): Promise<number> {
  const server = createServer();
  const free = await listeningAt(server, { host, port }, rank);
  await new Promise((resolve) => server.close(resolve));
  return free;
}

/** Connects to an address, within so many milliseconds. */
export function connection(host: string, port: number, milliseconds: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const timer = setTimeout(
      () => {
        socket.destroy(new Error('no answer'));
      },
      Math.max(1, milliseconds),
    );
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

/** Seconds that a process is given to take a connection: a busy one is slow. */
const REACHED_WITHIN = 15;

/** Why nobody takes a connection at an address; undefined where somebody does. */
export async function reachable(address: string): Promise<string | undefined> {
  const { host, port } = addressParts(address, 'the address of a process');
  try {
    (await connection(host, port, REACHED_WITHIN * 1000)).destroy();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function reasonOf(error: unknown): string {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program does',
    EADDRNOTAVAIL: 'it is no address of this machine',
    EACCES: 'the system lets only administrators',
    ENOTFOUND: 'there is no host of that name',
    EAI_AGAIN: 'there is no host of that name',
  };
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return reasons[code] ?? messageOf(error);
}
