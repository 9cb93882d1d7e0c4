import type { FiniteGate } from './finite-gate';
import { runsAfter, type GraphWriter, type NodeOutput } from './graph-writer';
import { ofKind } from './recorded-program';
import { DataType } from './recording';
import type { VariableNodes } from './shared-variables';

/**
 * Writes the adding of a recording's increments to the variables that they belong to, each once it has been read.
 * @param gate which lets them through, or nothing is added.
 * @returns the nodes that add.
 */
export function addIncrements(
  graph: GraphWriter,
  parameters: VariableNodes,
  results: ReadonlyMap<string, NodeOutput>,
  reads: ReadonlyMap<string, NodeOutput>,
  gate: FiniteGate,
): NodeOutput[] {
  return [...ofKind('increment', results)].map(([name, amount]) => {
    const read = reads.get(name);
    const inputs = [parameters.handleOf(name), gate.letThrough(amount), ...(read === undefined ? [] : [runsAfter(read)])];
    return graph.addNode(`moved/${name}`, 'AssignAddVariableOp', inputs, { dtype: { kind: 'type', value: DataType.float32 } });
  });
}
