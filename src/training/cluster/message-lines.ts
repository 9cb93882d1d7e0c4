import type { Socket } from 'node:net';
import { z } from 'zod';

/** What those who train together say to each other beside TensorFlow's channel: a line of JSON each. */
const said = z.discriminatedUnion('say', [
  /** The first word of a worker. Its address is null where nobody was told it. */
  z.strictObject({ say: z.literal('hello'), version: z.string(), rank: z.int(), size: z.int(), address: z.string().nullable() }),
  /** Rank 0's, when all are here: TensorFlow may be started. With the seconds after which a silent process counts as lost. */
  z.strictObject({ say: z.literal('welcome'), deterministic: z.boolean(), heartbeatTimeout: z.number().positive() }),
  /** A worker's TensorFlow is started, and its server will have this address. */
  z.strictObject({ say: z.literal('ready'), address: z.string(), kernels: z.enum(['own', 'tensorflow']) }),
  /** All servers may start. With the address of rank 0's heartbeat. */
  z.strictObject({ say: z.literal('start'), addresses: z.array(z.string()), heartbeat: z.string() }),
  z.strictObject({ say: z.literal('started') }),
  /** A worker's heartbeat. */
  z.strictObject({ say: z.literal('alive') }),
  /** A worker was asked to end, as by Ctrl-C. */
  z.strictObject({ say: z.literal('interrupted') }),
  /** Why a worker cannot go on. */
  z.strictObject({ say: z.literal('failed'), text: z.string() }),
  /** Rank 0's last word. */
  z.strictObject({ say: z.literal('end'), how: z.enum(['finished', 'interrupted', 'failed']), text: z.string() }),
]);

/** One thing that is said. */
export type Message = z.infer<typeof said>;

/** Whose kernels a process has beside TensorFlow's own: a graph with Kumpas's runs only where they are. */
export type Kernels = Extract<Message, { say: 'ready' }>['kernels'];

/** What is longer is no message. */
const LONGEST_LINE = 1 << 20;

/** Says something; nothing where the other side is gone. */
export function say(socket: Socket, message: Message): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Hears what is said. Whoever says something else is no process of Kumpas's: the connection is closed. */
export function hear(socket: Socket, onMessage: (message: Message) => void): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: Buffer | string) => {
    text += chunk.toString();
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    if (text.length > LONGEST_LINE) socket.destroy();
    for (const line of lines) {
      const message = messageOf(line);
      if (message === undefined) {
        socket.destroy();
        return;
      }
      onMessage(message);
    }
  });
}

function messageOf(line: string): Message | undefined {
  try {
    return said.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
