import { once } from 'node:events';
import { connect } from 'node:net';
import path from 'node:path';
import type { Worker } from 'node:worker_threads';
import { UserError } from '../../foundation/errors';
import { startThread } from '../../foundation/thread';
import type { HeartbeatOrder, HeartbeatReply } from './heartbeat-thread';
import { addressOf, addressParts } from './place';

/** Beats within the time after which a silent process counts as lost: one, or some, may be late. */
const BEATS = 9;

/** Milliseconds between two beats. @param timeout seconds after which a silent process counts as lost. */
export function beatEvery(timeout: number): number {
  return (timeout * 1000) / BEATS;
}

/** Rank 0's heartbeat, on a thread of its own: its main thread may be busy for minutes, as with a large checkpoint on a slow disk, and that is not the same as being frozen. */
export class Heartbeat {
  private constructor(
    private readonly thread: Worker,
    /** Where the others hear it. */
    readonly address: string,
  ) {}

  /** @param host of this machine, at which it listens. @param timeout seconds. */
  static async start(host: string, timeout: number): Promise<Heartbeat> {
    const order: HeartbeatOrder = { host, milliseconds: beatEvery(timeout) };
    const thread = startThread(path.join(__dirname, `heartbeat-thread${path.extname(__filename)}`), order);
    const [reply] = (await once(thread, 'message')) as [HeartbeatReply];
    if ('problem' in reply) throw new UserError(`rank 0 cannot listen at ${host}: ${reply.problem}`);
    thread.unref();
    return new Heartbeat(thread, addressOf(host, reply.port));
  }

  async end(): Promise<void> {
    await this.thread.terminate();
  }
}

/** Tells once that another process has been silent for too long. Time in which this one did not run itself, as in a debugger or while its machine slept, does not count. */
export class Silence {
  private silentBeats = 0;
  private readonly timer: NodeJS.Timeout;

  /** @param timeout seconds. */
  constructor(timeout: number, onSilent: () => void) {
    this.timer = setInterval(() => {
      if (++this.silentBeats <= BEATS) return;
      this.end();
      onSilent();
    }, beatEvery(timeout));
    this.timer.unref();
  }

  /** The other process has been heard. */
  broken(): void {
    this.silentBeats = 0;
  }

  end(): void {
    clearInterval(this.timer);
  }
}

/**
 * Listens to rank 0's heartbeat.
 * @param timeout seconds.
 * @returns what ends it.
 */
export function hearHeartbeat(address: string, timeout: number, onSilent: () => void): () => void {
  const silence = new Silence(timeout, onSilent);
  const socket = connect(addressParts(address, "rank 0's heartbeat"));
  socket.on('error', () => undefined); // It is silent then.
  socket.on('data', () => {
    silence.broken();
  });
  return () => {
    silence.end();
    socket.destroy();
  };
}
