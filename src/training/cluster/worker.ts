import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, UserError } from '../../foundation/errors';
import { version } from '../../foundation/installation';
import { required } from '../../foundation/required';
import { counted } from '../../foundation/text';
import { connection, freePort, reachable } from './addresses';
import { beatEvery, hearHeartbeat } from './heartbeat';
import { hear, say, type Kernels, type Message } from './message-lines';
import type { ClusterEnd } from './meeting';
import { addressOf, addressParts, JOIN_TIMEOUT, type ClusterPlace } from './place';

/** What a worker does when it is told to. */
export interface WorkerTasks {
  /** Starts TensorFlow. @returns whose kernels it has. */
  readonly startRuntime: (options: { readonly deterministic: boolean }) => Promise<Kernels>;
  /** Starts TensorFlow's server. @param addresses of all, by rank. */
  readonly startServer: (addresses: readonly string[]) => void;
}

/** What comes over a connection, in its order. */
class Conversation {
  private readonly heard: Message[] = [];
  private wake: () => void = () => undefined;

  constructor(readonly socket: Socket) {
    socket.setKeepAlive(true, 10_000);
    socket.setNoDelay(true);
    socket.on('error', () => undefined); // It closes then.
    socket.on('close', () => {
      this.wake();
    });
    hear(socket, (message) => {
      this.heard.push(message);
      this.wake();
    });
  }

  /** The next message; undefined where the other side is gone, or says nothing for so many seconds. */
  async next(seconds: number): Promise<Message | undefined> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const message = this.heard.shift();
      if (message !== undefined || this.socket.closed || Date.now() >= deadline) return message;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(deadline - Date.now(), 2 ** 30));
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/**
 * Works for rank 0 until that says that it is over: meets it, starts TensorFlow and its server, which computes what rank 0's steps place on it.
 * @param signal aborted where this process is asked to end: rank 0 is told, and ends the training for all.
 * @throws UserError where rank 0 cannot be reached, is gone, or failed; in a line that names it.
 */
export async function workFor(place: ClusterPlace, tasks: WorkerTasks, signal?: AbortSignal): Promise<Exclude<ClusterEnd, 'failed'>> {
  const { rank, workers, joinTimeout = JOIN_TIMEOUT } = place;
  const rankZero = required(workers[0], 'the address of rank 0');
  const own = workers[rank] ?? null;
  if (own !== null) await portOf(own, rank);
  const conversation = new Conversation(await reach(rankZero, rank, joinTimeout, signal));
  const { socket } = conversation;
  const interrupt = (): void => {
    say(socket, { say: 'interrupted' });
  };
  signal?.addEventListener('abort', interrupt);
  try {
    say(socket, { say: 'hello', version, rank, size: workers.length, address: own });
    const { deterministic, heartbeatTimeout } = await answer(conversation, 'welcome', 2 * joinTimeout, rankZero);
    const kernels = await tasks.startRuntime({ deterministic });
    const address = own ?? (await reportedAddress(socket, rank));
    say(socket, { say: 'ready', address, kernels });
    const { addresses, heartbeat } = await answer(conversation, 'start', 2 * joinTimeout, rankZero);
    tasks.startServer(addresses);
    await requireReachable([required(addresses[0], 'the address of the server of rank 0'), heartbeat], rank);
    say(socket, { say: 'started' });
    return await whileAlive(conversation, { rankZero, heartbeat, timeout: heartbeatTimeout });
  } catch (error) {
    if (error instanceof Over) return error.how;
    if (!(error instanceof RankZeroGone)) say(socket, { say: 'failed', text: messageOf(error) });
    throw error;
  } finally {
    signal?.removeEventListener('abort', interrupt);
    socket.end();
  }
}

/** Rank 0 is gone, or told this process to go. */
class RankZeroGone extends UserError {}

/** The training was over before this process had anything to do. */
class Over extends Error {
  constructor(readonly how: Exclude<ClusterEnd, 'failed'>) {
    super(`rank 0 ended: ${how}`);
  }
}

/** The message that must come next. */
async function answer<Kind extends Message['say']>(
  conversation: Conversation,
  kind: Kind,
  seconds: number,
  rankZero: string,
): Promise<Extract<Message, { say: Kind }>> {
  const message = await conversation.next(seconds);
  if (message?.say === kind) return message as Extract<Message, { say: Kind }>;
  if (message?.say === 'end') throw message.how === 'failed' ? failed(rankZero, message.text) : new Over(message.how);
  throw gone(rankZero);
}

/** Shows rank 0 that this process is alive until that has ended, or is silent. */
async function whileAlive(
  conversation: Conversation,
  { rankZero, heartbeat, timeout }: { readonly rankZero: string; readonly heartbeat: string; readonly timeout: number },
): Promise<Exclude<ClusterEnd, 'failed'>> {
  const { socket } = conversation;
  const beating = setInterval(() => {
    say(socket, { say: 'alive' });
  }, beatEvery(timeout));
  const silent = new AbortController();
  const stopHearing = hearHeartbeat(heartbeat, timeout, () => {
    silent.abort();
    socket.destroy();
  });
  try {
    const message = await conversation.next(Infinity);
    if (silent.signal.aborted)
      throw new RankZeroGone(
        `rank 0 (${rankZero}) has not answered for ${counted(timeout, 'second')}: it is frozen, or cannot be reached any more`,
      );
    if (message?.say !== 'end') throw gone(rankZero);
    if (message.how === 'failed') throw failed(rankZero, message.text);
    return message.how;
  } finally {
    clearInterval(beating);
    stopHearing();
  }
}

/** @throws UserError where a worker reaches rank 0, but not all that it listens at. */
async function requireReachable(addresses: readonly string[], rank: number): Promise<void> {
  for (const address of addresses) {
    const problem = await reachable(address);
    if (problem !== undefined)
      throw new UserError(`rank 0 cannot be reached by worker ${rank} at ${address}: ${problem}; the processes must reach each other`);
  }
}

function failed(rankZero: string, text: string): RankZeroGone {
  return new RankZeroGone(`rank 0 (${rankZero}) ended: ${text}`);
}

function gone(rankZero: string): RankZeroGone {
  return new RankZeroGone(`rank 0 (${rankZero}) has ended without a word, or cannot be reached any more`);
}

/** Connects to rank 0, which may start later. */
async function reach(rankZero: string, rank: number, joinTimeout: number, signal: AbortSignal | undefined): Promise<Socket> {
  const { host, port } = addressParts(rankZero, 'rank 0');
  const deadline = Date.now() + joinTimeout * 1000;
  let why = '';
  while (Date.now() < deadline) {
    try {
      return await connection(host, port, Math.min(deadline - Date.now(), 5000));
    } catch (error) {
      why = messageOf(error);
    }
    if (signal?.aborted === true) throw new RankZeroGone(`worker ${rank} was stopped before it had reached rank 0 (${rankZero})`);
    await wait(250);
  }
  throw new RankZeroGone(`rank 0 (${rankZero}) cannot be reached from worker ${rank} within ${counted(joinTimeout, 'second')}: ${why}`);
}

async function portOf(address: string, rank: number): Promise<void> {
  const { host, port } = addressParts(address, '--workers');
  await freePort(host, port, rank);
}

/** Where nobody was told an address: that of the connection to rank 0, with a port that the system chooses. */
async function reportedAddress({ localAddress }: Socket, rank: number): Promise<string> {
  const host = required(localAddress, 'the address of the connection to rank 0').replace(/^::ffff:/, '');
  return addressOf(host, await freePort(host, 0, rank));
}
