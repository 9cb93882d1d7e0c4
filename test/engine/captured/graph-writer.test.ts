import { beforeAll, describe, expect, it } from '@jest/globals';
import { CaptureError, DataType, type Constant } from '../../../src/engine/captured/recording';
import { GraphWriter } from '../../../src/engine/captured/graph-writer';
import { downloadTensor, freeTensors, Session, uploadTensor } from '../../../src/engine/captured/session';
import { startRuntime } from '../../../src/engine/runtime';

beforeAll(async () => {
  await startRuntime();
});

const floats = (shape: readonly number[], values: readonly number[]): Constant => ({
  dtype: DataType.float32,
  shape,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

const runOf = (graph: GraphWriter, fetch: string): number[] => {
  const session = new Session();
  const fetched = session.add(graph.toBytes()).prepare([], [fetch]).run([]);
  const [values = []] = fetched.map((tensor) => [...downloadTensor(tensor).values]);
  freeTensors(fetched);
  session.dispose();
  return values;
};

describe('GraphWriter', () => {
  it('writes constants that come out as they went in', () => {
    const graph = new GraphWriter();
    expect(runOf(graph, graph.addConstant(floats([2, 2], [1, -2, 0.5, 3])))).toEqual([1, -2, 0.5, 3]);
    expect(runOf(graph, graph.addScalar(2.5))).toEqual([2.5]);
  });

  it('writes a large constant of one value as a Fill, and equal constants once', () => {
    const graph = new GraphWriter();
    const ones = graph.addConstant(floats([100, 1000], new Array<number>(100_000).fill(1)));
    expect(graph.addConstant(floats([100, 1000], new Array<number>(100_000).fill(1)))).toBe(ones);
    expect(graph.addConstant(floats([1000, 100], new Array<number>(100_000).fill(1)))).not.toBe(ones);
    expect(graph.toBytes().length).toBeLessThan(2000);
    const values = runOf(graph, ones);
    expect([values.length, new Set(values)]).toEqual([100_000, new Set([1])]);
  });

  it('makes names unique and fit for TensorFlow', () => {
    const graph = new GraphWriter();
    const type = { dtype: DataType.float32, shape: [] };
    const names = ['a b', 'a b', 'a:b', '^a', 'a_b'].map((name) => graph.addPlaceholder(name, type));
    expect(new Set(names).size).toBe(5);
    const copies = names.map((name) => graph.addNode('copy', 'Identity', [name], { T: { kind: 'type', value: DataType.float32 } }));
    const session = new Session();
    const tensors = names.map((_, place) => uploadTensor({ shape: [], values: Float32Array.of(place) }));
    const fetched = session.add(graph.toBytes()).prepare(names, copies).run(tensors);
    expect(fetched.map((value) => [...downloadTensor(value).values])).toEqual([[0], [1], [2], [3], [4]]);
    freeTensors([...fetched, ...tensors]);
    session.dispose();
  });

  it('says what TensorFlow says of a graph that it refuses', () => {
    const graph = new GraphWriter();
    graph.addNode('wrong', 'Relu', [graph.addScalar(1)], {});
    expect(() => new Session().add(graph.toBytes())).toThrow(CaptureError);
    expect(() => new Session().add(graph.toBytes())).toThrow(/TensorFlow refuses the recorded graph: .*'?T'? /);
  });
});
