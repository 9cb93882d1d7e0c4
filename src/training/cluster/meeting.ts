import { createServer, type Server, type Socket } from 'node:net';
import { version } from '../../foundation/installation';
import { UserError } from '../../foundation/errors';
import { required } from '../../foundation/required';
import { counted } from '../../foundation/text';
import { listeningAt, reachable } from './addresses';
import { Heartbeat, Silence } from './heartbeat';
import { hear, say, type Kernels, type Message } from './message-lines';
import { addressParts, HEARTBEAT_TIMEOUT, JOIN_TIMEOUT, type ClusterPlace } from './place';

/** How the training of rank 0 ended. */
export type ClusterEnd = 'finished' | 'interrupted' | 'failed';

/** A worker that has come. */
interface Present {
  readonly socket: Socket;
  /** Of its server: what the launch says, later what it says itself. */
  address: string;
  state: 'here' | 'ready' | 'started';
  kernels?: Kernels;
  /** Since its server has started. */
  silence?: Silence;
}

/** Another process of a training is gone, or cannot be reached. */
export class WorkerLost extends UserError {}

/**
 * Where rank 0 meets the others: they come to its address, say who they are, and are told when to begin and when all is over. Each stays connected while the training runs, so that
 * whoever ends is missed at once.
 */
export class Meeting {
  private readonly present = new Map<number, Present>();
  private readonly losing = new AbortController();
  private readonly interrupting = new AbortController();
  private readonly changes = new Set<() => void>();
  private over = false;
  private heartbeat: Heartbeat | undefined;
  /** Seconds that the others are waited for, each time. */
  private readonly joinTimeout: number;
  private readonly heartbeatTimeout: number;

  private constructor(
    private readonly place: ClusterPlace,
    private readonly server: Server,
  ) {
    const { joinTimeout = JOIN_TIMEOUT, heartbeatTimeout = HEARTBEAT_TIMEOUT } = place;
    this.joinTimeout = joinTimeout;
    this.heartbeatTimeout = heartbeatTimeout;
    server.on('connection', (socket) => {
      this.welcome(socket);
    });
  }

  /**
   * Listens at rank 0's address, and nowhere else.
   * @throws UserError where this machine cannot listen there.
   */
  static async open(place: ClusterPlace): Promise<Meeting> {
    const server = createServer();
    await listeningAt(server, ownAddress(place), 0);
    return new Meeting(place, server);
  }

  /** Aborted, with a {@link WorkerLost} as its reason, when a worker is gone before the end. */
  get lost(): AbortSignal {
    return this.losing.signal;
  }

  /** Aborted when a worker was asked to end. */
  get interrupted(): AbortSignal {
    return this.interrupting.signal;
  }

  /** Waits until all are here, and lets them start TensorFlow. @throws WorkerLost that names those who did not come. */
  async gather({ deterministic }: { readonly deterministic: boolean }): Promise<void> {
    await this.until('here', 'has not come');
    this.sayToAll({ say: 'welcome', deterministic, heartbeatTimeout: this.heartbeatTimeout });
  }

  /**
   * Waits until all have started TensorFlow.
   * @param kernels that rank 0 has.
   * @returns the addresses of their servers, by rank, rank 0's left out.
   */
  async whenReady(kernels: Kernels): Promise<string[]> {
    await this.until('ready', 'has not started TensorFlow');
    const other = this.ranks.find((rank) => this.present.get(rank)?.kernels !== kernels);
    if (other !== undefined)
      throw new UserError(
        `${this.named(other)} and rank 0 differ in Kumpas's own kernels, which only one of them has: \`npm run doctor\` says why; KUMPAS_KERNELS=tensorflow in the environment of all does without`,
      );
    return this.ranks.map((rank) => required(this.present.get(rank), `worker ${rank}`).address);
  }

  /**
   * Lets all start their servers, and waits for them. From then on one that is silent for too long is missed.
   * @param addresses of all servers, by rank; that of rank 0 listens already.
   * @throws WorkerLost that names who has not started, or whose server cannot be reached.
   */
  async start(addresses: readonly string[]): Promise<void> {
    this.heartbeat = await Heartbeat.start(ownAddress(this.place).host, this.heartbeatTimeout);
    this.sayToAll({ say: 'start', addresses: [...addresses], heartbeat: this.heartbeat.address });
    await this.until('started', "has not started TensorFlow's server");
    await Promise.all(
      this.ranks.map(async (rank) => {
        const address = required(addresses[rank], `the address of worker ${rank}`);
        const problem = await reachable(address);
        if (problem !== undefined)
          throw new WorkerLost(
            `${this.named(rank)} cannot be reached by rank 0 at ${address}: ${problem}; the processes must reach each other`,
          );
      }),
    );
  }

  /** What a run's error says of a worker that is gone, once whoever it was is missed; undefined where none is. */
  async lossBehind(error: unknown): Promise<unknown> {
    if (!this.lost.aborted && speaksOfOthers(error)) await this.changed(LOSS_IS_KNOWN_WITHIN);
    return this.lost.aborted ? this.lost.reason : undefined;
  }

  /** Tells all that it is over, and how; waits until they have heard it. */
  async end(how: ClusterEnd, text = ''): Promise<void> {
    this.over = true;
    this.server.close();
    for (const { silence } of this.present.values()) silence?.end();
    await Promise.all([
      this.heartbeat?.end(),
      ...[...this.present.values()].map(({ socket }) => closed(socket, { say: 'end', how, text })),
    ]);
  }

  private get ranks(): number[] {
    return this.place.workers.flatMap((_, rank) => (rank === 0 ? [] : [rank]));
  }

  /** A connection: nobody, until it says who it is. */
  private welcome(socket: Socket): void {
    socket.setKeepAlive(true, 10_000);
    socket.setNoDelay(true);
    socket.on('error', () => undefined); // It closes then.
    let rank: number | undefined;
    const waiting = setTimeout(() => socket.destroy(), this.joinTimeout * 1000);
    waiting.unref();
    socket.on('close', () => {
      clearTimeout(waiting);
      if (rank !== undefined) this.lose(rank, 'has ended, or cannot be reached any more');
    });
    hear(socket, (message) => {
      if (message.say === 'hello' && rank === undefined) {
        clearTimeout(waiting);
        const refusal = this.refusalOf(message);
        if (refusal === undefined) {
          rank = message.rank;
          this.present.set(rank, { socket, address: message.address ?? socket.remoteAddress ?? '', state: 'here' });
          this.change();
        } else void closed(socket, { say: 'end', how: 'failed', text: refusal });
      } else if (rank !== undefined) this.heard(rank, message);
    });
  }

  /** Why a process cannot be one of the workers. */
  private refusalOf({ rank, size, version: theirs }: Extract<Message, { say: 'hello' }>): string | undefined {
    if (theirs !== version) return `it is of Kumpas ${theirs}, and rank 0 of ${version}: all processes need the same`;
    if (size !== this.place.workers.length)
      return `it was started as one of ${size} processes, and rank 0 as one of ${this.place.workers.length}`;
    if (!this.ranks.includes(rank)) return `there is no rank ${rank} here`;
    return this.present.has(rank) ? `another process is worker ${rank} already` : undefined;
  }

  private heard(rank: number, message: Message): void {
    const worker = required(this.present.get(rank), `worker ${rank}`);
    worker.silence?.broken();
    if (message.say === 'ready') {
      Object.assign(worker, { address: message.address, state: 'ready', kernels: message.kernels });
    } else if (message.say === 'started') {
      worker.state = 'started';
      worker.silence = new Silence(this.heartbeatTimeout, () => {
        this.lose(rank, `has not answered for ${counted(this.heartbeatTimeout, 'second')}: it is frozen, or cannot be reached any more`);
      });
    } else if (message.say === 'interrupted') this.interrupting.abort();
    else if (message.say === 'failed') this.lose(rank, `cannot go on: ${message.text}`);
    this.change();
  }

  private lose(rank: number, what: string): void {
    if (this.over || this.losing.signal.aborted) return;
    this.losing.abort(new WorkerLost(`${this.named(rank)} ${what}`));
    this.change();
  }

  private named(rank: number): string {
    const address = this.place.workers[rank] ?? this.present.get(rank)?.address;
    return address === undefined || address === '' ? `worker ${rank}` : `worker ${rank} (${address})`;
  }

  private async until(state: Present['state'], else_: string): Promise<void> {
    const order: readonly Present['state'][] = ['here', 'ready', 'started'];
    const missing = (): number[] =>
      this.ranks.filter((rank) => {
        const worker = this.present.get(rank);
        return worker === undefined || order.indexOf(worker.state) < order.indexOf(state);
      });
    const deadline = Date.now() + this.joinTimeout * 1000;
    while (missing().length > 0) {
      if (this.lost.aborted) throw this.lost.reason;
      const left = deadline - Date.now();
      if (left <= 0)
        throw new WorkerLost(
          `${missing()
            .map((rank) => this.named(rank))
            .join(
              ', ',
            )} ${else_} within ${counted(this.joinTimeout, 'second')}: start all processes at about the same time, and let them reach rank 0 at ${String(this.place.workers[0])}`,
        );
      await this.changed(left);
    }
    if (this.lost.aborted) throw this.lost.reason;
  }

  private change(): void {
    for (const told of [...this.changes]) told();
  }

  /** Waits for the next change, so many milliseconds at most. */
  private changed(atMost: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.changes.delete(done);
        resolve();
      };
      const timer = setTimeout(done, atMost);
      this.changes.add(done);
    });
  }

  private sayToAll(message: Message): void {
    for (const { socket } of this.present.values()) say(socket, message);
  }
}

function ownAddress({ workers }: ClusterPlace): { readonly host: string; readonly port: number } {
  return addressParts(required(workers[0], 'the address of rank 0'), 'rank 0');
}

/** A process that ends closes its connections before, or at the same moment as, TensorFlow fails for it. */
const LOSS_IS_KNOWN_WITHIN = 5000;

/** Whether TensorFlow failed over another process. */
function speaksOfOthers(error: unknown): boolean {
  return error instanceof Error && /\/job:worker|connect|Socket closed|Connection reset|UNAVAILABLE/i.test(error.message);
}

/** Says a last word and waits until the connection is closed, a short while at most. */
function closed(socket: Socket, message: Message): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), 2000);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    say(socket, message);
    socket.end();
    if (socket.closed) {
      clearTimeout(timer);
      resolve();
    }
  });
}
