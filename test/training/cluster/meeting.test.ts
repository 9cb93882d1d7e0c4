import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { version } from '../../../src/foundation/installation';
import { hear, say, type Message } from '../../../src/training/cluster/message-lines';
import { Meeting } from '../../../src/training/cluster/meeting';
import type { ClusterPlace } from '../../../src/training/cluster/place';
import { workFor, type WorkerTasks } from '../../../src/training/cluster/worker';

/** Ports of the loopback address at which nothing listens. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen({ host: '127.0.0.1', port: 0 }, () => {
            resolve(server);
          });
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Where the processes of a training stand, all of them on this machine. */
async function places(size: number, told: 'all' | 'the first' = 'all'): Promise<ClusterPlace[]> {
  const ports = await freePorts(size);
  const workers = ports.map((port, rank) => (told === 'all' || rank === 0 ? `127.0.0.1:${port}` : null));
  return ports.map((_, rank) => ({ rank, workers }));
}

interface Told {
  deterministic?: boolean;
  addresses?: readonly string[];
}

/** A worker that computes nothing. */
function work(
  place: ClusterPlace | undefined,
  told: Told = {},
  options: { signal?: AbortSignal; joinTimeout?: number } = {},
  tasks: Partial<WorkerTasks> = {},
): Promise<string> {
  if (place === undefined) throw new Error('no such place');
  return workFor(
    { ...place, joinTimeout: options.joinTimeout ?? 10 },
    {
      startRuntime: ({ deterministic }) => {
        told.deterministic = deterministic;
        return Promise.resolve('own');
      },
      startServer: (addresses) => {
        told.addresses = addresses;
      },
      ...tasks,
    },
    options.signal,
  ).catch((error: unknown) => (error as Error).message);
}

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Something that listens as TensorFlow's server does, at a port or one that the system chooses. @returns its address. */
async function serverAt(port: number): Promise<string> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts such a server for a worker, and notes all addresses. */
function listeningAs(rank: number, told: Told): WorkerTasks['startServer'] {
  return (addresses) => {
    told.addresses = addresses;
    void serverAt(Number(addresses[rank]?.split(':')[1]));
  };
}

/** A worker that says nothing any more once it has started. */
function mute(place: ClusterPlace | undefined): Promise<void> {
  const [first = '', own = ''] = [place?.workers[0], place?.workers[place.rank]];
  const socket = connect({ host: '127.0.0.1', port: Number(first?.split(':')[1]) });
  const tell = (message: Message): void => {
    say(socket, message);
  };
  tell({ say: 'hello', version, rank: place?.rank ?? 0, size: 3, address: own });
  hear(socket, (message) => {
    if (message.say === 'welcome') tell({ say: 'ready', address: own ?? '', kernels: 'own' });
    if (message.say === 'start') tell({ say: 'started' });
  });
  return new Promise((resolve) => socket.on('close', resolve));
}

async function meet(
  [first]: readonly ClusterPlace[],
  timeouts: Pick<ClusterPlace, 'joinTimeout' | 'heartbeatTimeout'> = {},
): Promise<Meeting> {
  if (first === undefined) throw new Error('no such place');
  return await Meeting.open({ ...first, joinTimeout: 10, ...timeouts });
}

describe('a meeting of the processes of a training', () => {
  it.each(['all', 'the first'] as const)(
    'gathers them, tells them each other’s addresses, and when it is over; where %s address is known',
    async (toldOf) => {
      const of = await places(3, toldOf);
      const told: Told[] = [{}, {}];
      const meeting = await meet(of);
      const ends = told.map((each, place) => work(of[place + 1], each, {}, { startServer: listeningAs(place + 1, each) }));
      await meeting.gather({ deterministic: true });
      const addresses = await meeting.whenReady('own');
      expect(addresses).toHaveLength(2);
      addresses.forEach((address, place) => {
        expect(address).toMatch(toldOf === 'all' ? String(of[0]?.workers[place + 1]) : /^127\.0\.0\.1:\d+$/);
      });
      const all = [await serverAt(0), ...addresses];
      await meeting.start(all);
      expect(told).toEqual([1, 2].map(() => ({ deterministic: true, addresses: all })));
      await meeting.end('finished');
      expect(await Promise.all(ends)).toEqual(['finished', 'finished']);
      expect(meeting.lost.aborted).toBe(false);
    },
  );

  it('misses a worker that does not come, by its rank and address', async () => {
    const of = await places(3);
    const meeting = await meet(of, { joinTimeout: 0.5 });
    const end = work(of[1]);
    await expect(meeting.gather({ deterministic: false })).rejects.toThrow(
      `worker 2 (${String(of[0]?.workers[2])}) has not come within 0.5 seconds`,
    );
    await meeting.end('failed', 'worker 2 has not come');
    expect(await end).toBe(`rank 0 (${String(of[0]?.workers[0])}) ended: worker 2 has not come`);
  });

  it('tells a worker why it cannot reach rank 0', async () => {
    const of = await places(2);
    expect(await work(of[1], {}, { joinTimeout: 0.3 })).toMatch(
      /^rank 0 \(127\.0\.0\.1:\d+\) cannot be reached from worker 1 within 0\.3 seconds: .*ECONNREFUSED/,
    );
  });

  it('lets nobody in who says something else, is of other processes, or is there already', async () => {
    const of = await places(2);
    const meeting = await meet(of);
    const stranger = connect({ host: '127.0.0.1', port: Number(of[0]?.workers[0]?.split(':')[1]) });
    stranger.on('error', () => undefined).write('GET / HTTP/1.1\r\n\r\n');
    await new Promise((resolve) => stranger.on('close', resolve));
    const workers = [...(of[0]?.workers ?? []), '127.0.0.1:9'];
    expect(await work({ rank: 1, workers })).toMatch(/ended: it was started as one of 3 processes, and rank 0 as one of 2$/);
    const end = work(of[1]);
    await meeting.gather({ deterministic: false });
    await meeting.whenReady('own');
    expect(await work({ rank: 1, workers: [of[0]?.workers[0] ?? null, null] })).toMatch(/ended: another process is worker 1 already$/);
    expect(meeting.lost.aborted).toBe(false);
    await meeting.end('interrupted');
    expect(await end).toBe('interrupted');
  });

  it('is told by a worker that it was asked to end', async () => {
    const of = await places(2);
    const meeting = await meet(of);
    const stopping = new AbortController();
    const end = work(of[1], {}, { signal: stopping.signal });
    await meeting.gather({ deterministic: false });
    await meeting.whenReady('own');
    const told = new Promise((resolve) => {
      meeting.interrupted.addEventListener('abort', resolve);
    });
    stopping.abort();
    await told;
    await meeting.end('interrupted');
    expect(await end).toBe('interrupted');
  });

  it('misses a worker that cannot go on', async () => {
    const of = await places(2);
    const meeting = await meet(of);
    const end = work(of[1], {}, {}, { startRuntime: () => Promise.reject(new Error('no TensorFlow here')) });
    await meeting.gather({ deterministic: false });
    await expect(meeting.whenReady('own')).rejects.toThrow(`worker 1 (${String(of[0]?.workers[1])}) cannot go on: no TensorFlow here`);
    expect(await end).toBe('no TensorFlow here');
    await meeting.end('failed');
  });

  it('is refused where something else listens', async () => {
    const of = await places(2);
    const meeting = await meet(of);
    await expect(meet(of)).rejects.toThrow(/^rank 0 cannot listen at 127\.0\.0\.1:\d+: another program does/);
    await meeting.end('failed');
  });

  it('misses a worker that is silent, and one whose server nobody reaches; a worker says what it does not reach', async () => {
    type Start = (place: ClusterPlace | undefined, rank: number) => Promise<unknown>;
    const begun = async (start: Start): Promise<{ meeting: Meeting; named: string; addresses: string[]; ends: Promise<unknown>[] }> => {
      const of = await places(3);
      const meeting = await meet(of, { heartbeatTimeout: 1 });
      const ends = [1, 2].map((rank) => start(of[rank], rank));
      await meeting.gather({ deterministic: false });
      return { meeting, named: `worker 2 (${String(of[0]?.workers[2])})`, addresses: await meeting.whenReady('own'), ends };
    };
    const working: Start = (place, rank) => work(place, {}, {}, { startServer: listeningAs(rank, {}) });

    const silent = await begun((place, rank) => (rank === 1 ? working(place, rank) : mute(place)));
    await silent.meeting.start([await serverAt(0), silent.addresses[0] ?? '', await serverAt(0)]);
    const { lost } = silent.meeting;
    if (!lost.aborted)
      await new Promise((resolve) => {
        lost.addEventListener('abort', resolve);
      });
    expect(String(lost.reason)).toContain(`${silent.named} has not answered for 1 second: it is frozen`);
    await silent.meeting.end('failed', 'worker 2 is missed');
    expect(await silent.ends[0]).toMatch(/ended: worker 2 is missed$/);

    const deaf = await begun((place, rank) => (rank === 1 ? working(place, rank) : work(place)));
    await expect(deaf.meeting.start([await serverAt(0), ...deaf.addresses])).rejects.toThrow(
      `${deaf.named} cannot be reached by rank 0 at ${String(deaf.addresses[1])}: connect ECONNREFUSED`,
    );
    await deaf.meeting.end('failed', 'not reached');

    const away = await begun(working);
    await expect(away.meeting.start(['127.0.0.1:1', ...away.addresses])).rejects.toThrow(
      /^worker [12] \(.*\) cannot go on: rank 0 cannot be reached by worker [12] at 127\.0\.0\.1:1: connect ECONNREFUSED/,
    );
    await away.meeting.end('failed');
    for (const end of away.ends) expect(await end).toMatch(/cannot be reached by worker|ended/);
  });
});
