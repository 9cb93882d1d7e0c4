import { createServer, type AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { GraphWriter, type NodeOutput } from '../../../src/engine/captured/graph-writer';
import { MessageWriter } from '../../../src/engine/captured/message-writer';
import { DataType } from '../../../src/engine/captured/recording';
import {
  downloadTensor,
  freeTensors,
  type PreparedRun,
  reserveMemory,
  Session,
  startServer,
  uploadTensor,
} from '../../../src/engine/captured/session';
import { createProgram } from '../../../src/engine/create-program';
import { adam } from '../../../src/engine/optimizers/adam';
import { constantValue, initialiseParameters, tensorNamed } from '../../../src/engine/parameters';
import type { ProgramDefinition } from '../../../src/engine/program';
import { startRuntime } from '../../../src/engine/runtime';
import { tf } from '../../../src/engine/tensorflow';
import { RandomStream } from '../../../src/foundation/random';
import { required } from '../../../src/foundation/required';

beforeAll(async () => {
  await startRuntime();
});

const T = { T: { kind: 'type', value: DataType.float32 } } as const;

/** A graph that multiplies a square matrix by itself so many times. */
function powers(session: Session, size: number, times: number): PreparedRun {
  const graph = new GraphWriter();
  const matrix = graph.addPlaceholder('matrix', { dtype: DataType.float32, shape: [size, size] });
  let product: NodeOutput = matrix;
  for (let count = 0; count < times; count++) product = graph.addNode('product', 'MatMul', [product, matrix], T);
  return session.add(graph.toBytes()).prepare([matrix], [product]);
}

/** A matrix that moves each row to the next place, in memory that begins at a multiple of 64 bytes plus `offset`. */
function shifting(size: number): { shape: number[]; values: Float32Array } {
  const values = new Float32Array(size * size);
  for (let row = 0; row < size; row++) values[row * size + ((row + 1) % size)] = 1;
  return { shape: [size, size], values };
}

const ones = (values: ArrayLike<number>): number[] => Array.from(values).flatMap((value, place) => (value === 1 ? [place] : []));

describe.each([
  ['a session', false],
  ['a session of one graph that grows', true],
])('%s', (_, grows) => {
  it('runs beside JavaScript and beside other runs, with the results of runs that wait', async () => {
    const session = new Session({ grows });
    const [long, short] = [powers(session, 256, 40), powers(session, 4, 2)];
    const [large, small] = [uploadTensor(shifting(256)), uploadTensor(shifting(4))];
    const waited = long.run([large]).map((tensor) => downloadTensor(tensor).values);
    const ended: string[] = [];
    const later = long.runLater([large]).then((tensors) => (ended.push('long'), tensors));
    const beside = short.runLater([small]).then((tensors) => (ended.push('short'), tensors));
    ended.push('JavaScript');
    freeTensors([large, small]); // A run keeps what it was given.
    const [ofLong, ofShort] = await Promise.all([later, beside]);
    expect(ended[0]).toBe('JavaScript');
    expect(ofLong.map((tensor) => downloadTensor(tensor).values)).toEqual(waited);
    expect(ofShort.map((tensor) => ones(downloadTensor(tensor).values))).toEqual([[3, 4, 9, 14]]);
    session.dispose();
  });

  it('tells what went wrong in a run that nobody waited for, and goes on', async () => {
    const session = new Session({ grows });
    const run = powers(session, 4, 1);
    const [wrong, right] = [uploadTensor({ shape: [2, 3], values: new Float32Array(6) }), uploadTensor(shifting(4))];
    await expect(run.runLater([wrong])).rejects.toThrow(/Matrix size-incompatible|must be equal/);
    expect(() => run.run([wrong])).toThrow(/Matrix size-incompatible|must be equal/);
    expect(() => run.run([])).toThrow('another number of tensors');
    expect((await run.runLater([right])).map((tensor) => ones(downloadTensor(tensor).values))).toEqual([[2, 7, 8, 13]]);
    session.dispose();
  });

  it('ends once its last run has, and then runs no more', async () => {
    const session = new Session({ grows });
    const run = powers(session, 256, 20);
    const matrix = uploadTensor(shifting(256));
    const going = run.runLater([matrix]);
    session.dispose();
    expect(await going).toHaveLength(1);
    expect(() => run.run([matrix])).toThrow('the session was closed');
    freeTensors([matrix]);
    expect(() => downloadTensor(matrix)).toThrow('the tensor was freed');
  });
});

describe('a session', () => {
  it.each(['as TensorFlow wants it', 'anywhere'])('holds no memory of runs that are over, with arrays that lie %s', async (place) => {
    const session = new Session();
    const graph = new GraphWriter();
    const input = graph.addPlaceholder('input', { dtype: DataType.float32, shape: [2 ** 18] });
    const echo = graph.addNode('echo', 'Identity', [input], T);
    const run = session.add(graph.toBytes()).prepare([input], [echo]);
    const runs = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at++) {
        // Four bytes a number: whatever the buffer's own place, one of 16 places in it is a multiple of 64 bytes.
        const start = place === 'anywhere' ? 1 : at % 16;
        const values = new Float32Array(2 ** 18 + 16).subarray(start, start + 2 ** 18).fill(at);
        const tensor = uploadTensor({ shape: [2 ** 18], values });
        const [result] = at % 2 === 0 ? run.run([tensor]) : await run.runLater([tensor]);
        freeTensors([tensor]);
        const { values: echoed } = downloadTensor(required(result, 'the result'));
        expect([echoed[0], echoed.at(-1)]).toEqual([at, at]);
        freeTensors(result === undefined ? [] : [result]);
      }
    };
    await runs(100);
    const before = process.memoryUsage.rss();
    await runs(400); // 1 MB each.
    expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(150);
    session.dispose();
  });

  it('refuses values of another size than their shape', () => {
    expect(() => uploadTensor({ shape: [3], values: Float32Array.of(1, 2) })).toThrow(
      'a tensor of shape [3] has 12 bytes, and was given 8',
    );
  });
});

const definition: ProgramDefinition = {
  parameters: [{ name: 'weight', shape: [3], trainable: true, initialise: constantValue(1) }],
  optimizer: adam(),
  evaluate: (weights, { x }) => ({ y: tf.mul(required(x, 'x'), tensorNamed(weights, 'weight')) }),
  train: (weights, { x }) => ({ loss: tf.sum(tf.square(tf.mul(required(x, 'x'), tensorNamed(weights, 'weight')))), outputs: {} }),
};
const inputs = { x: { shape: [3], values: Float32Array.of(1, -2, 0.5) } };

function program(target = ''): ReturnType<typeof createProgram> {
  return createProgram(definition, initialiseParameters(definition.parameters, new RandomStream(1)), { mode: 'captured', target });
}

describe('a program', () => {
  const update = { learningRate: 0.1, gradientScale: 1, apply: true };

  it('takes steps and evaluates beside JavaScript as it does when waited for', async () => {
    const [one, other] = [program(), program()];
    for (let step = 0; step < 3; step++) expect(await one.trainStepLater(inputs, update)).toEqual(other.trainStep(inputs, update));
    const half = { ...update, gradientScale: 0.5 };
    for (const apply of [false, true])
      expect(await one.trainStepLater(inputs, { ...half, apply })).toEqual(other.trainStep(inputs, { ...half, apply }));
    const all = await Promise.all([1, 2, 3].map(() => one.evaluateLater(inputs)));
    expect(all).toEqual([1, 2, 3].map(() => other.evaluate(inputs)));
    expect([...one.readParameters()]).toEqual([...other.readParameters()]);
    for (const each of [one, other]) each.dispose();
  });

  it('computes on a server of TensorFlow what it computes in its process', async () => {
    const { target } = startServer(serverOf(await freePort()), '127.0.0.1');
    expect(new Session({ target }).devices()).toEqual(expect.arrayContaining(['/job:worker/replica:0/task:0/device:CPU:0']));
    const [here, there, beside] = [program(), program(target), program(target)];
    for (let step = 0; step < 3; step++) expect(there.trainStep(inputs, update)).toEqual(here.trainStep(inputs, update));
    expect([...there.readParameters()]).toEqual([...here.readParameters()]);
    expect([...beside.readParameters()]).toEqual([['weight', Float32Array.of(1, 1, 1)]]);
    for (const each of [here, there, beside]) each.dispose();
  });
});

/** The bytes of a ServerDef: a cluster of one task. */
function serverOf(port: number): Uint8Array {
  const out = new MessageWriter();
  out.within(1, () => {
    out.within(1, () => {
      out.text(1, 'worker');
      out.within(2, () => {
        out.integer(1, 0);
        out.text(2, `127.0.0.1:${port}`);
      });
    });
  });
  out.text(2, 'worker');
  out.integer(3, 0);
  out.text(5, 'grpc');
  return out.bytes();
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}

describe('memory that is reserved', () => {
  it('is where tensors lie then, and what cannot be had is refused at once', () => {
    expect(reserveMemory(2 ** 20)).toBe(true);
    expect(process.platform === 'linux' ? reserveMemory(2 ** 52) : false).toBe(false);
    const tensor = uploadTensor(shifting(64));
    expect(ones(downloadTensor(tensor).values).length).toBe(64);
    freeTensors([tensor]);
    expect(() => reserveMemory(0)).toThrow('reserveMemory() takes a number of bytes');
  });
});
