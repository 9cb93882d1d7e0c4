import { beforeAll, describe, expect, it } from '@jest/globals';
import { GraphWriter } from '../../../src/engine/captured/graph-writer';
import { freeTensors, Session } from '../../../src/engine/captured/session';
import { DataType } from '../../../src/engine/captured/recording';
import { SharedVariables } from '../../../src/engine/captured/shared-variables';
import { startRuntime } from '../../../src/engine/runtime';

beforeAll(async () => {
  await startRuntime();
});

/** A graph of its own that doubles one of the variables. */
function doubling(variables: SharedVariables, name: string): { run: () => void; dispose: () => void } {
  const graph = new GraphWriter();
  const { nodes, feeds } = variables.addTo(graph);
  const doubled = graph.addNode('double', 'AssignAddVariableOp', [nodes.handleOf(name), nodes.addRead(name)], {
    dtype: { kind: 'type', value: DataType.float32 },
  });
  const done = graph.addSignal('done', [doubled]);
  const loaded = variables.session.add(graph.toBytes());
  const run = loaded.prepare([], [done], feeds);
  return {
    run: () => {
      freeTensors(run.run([]));
    },
    dispose: () => {
      loaded.dispose();
    },
  };
}

describe('SharedVariables', () => {
  it('are zero at first, and hold what is written, bit for bit', () => {
    const variables = new SharedVariables(new Session(), [
      { name: 'a', shape: [2] },
      { name: 'b', shape: [] },
    ]);
    expect([...variables.read()]).toEqual([
      ['a', Float32Array.of(0, 0)],
      ['b', Float32Array.of(0)],
    ]);
    const values = new Map([
      ['a', Float32Array.of(0.1, -1e-40)],
      ['b', Float32Array.of(3)],
    ]);
    variables.write(values);
    expect([...variables.read()]).toEqual([...values]);
    variables.clear();
    expect(variables.read().get('a')).toEqual(Float32Array.of(0, 0));
    variables.dispose();
  });

  it('are the same variables in every graph, whenever it is loaded and whichever ends', () => {
    const variables = new SharedVariables(new Session(), [
      { name: 'a', shape: [2] },
      { name: 'b', shape: [] },
    ]);
    variables.write(new Map([['a', Float32Array.of(1, 2)]]));
    const first = doubling(variables, 'a');
    first.run();
    const second = doubling(variables, 'a');
    second.run();
    first.dispose();
    second.run();
    expect([...variables.read()]).toEqual([
      ['a', Float32Array.of(8, 16)],
      ['b', Float32Array.of(0)],
    ]);
    second.dispose();
    variables.dispose();
  });
});
