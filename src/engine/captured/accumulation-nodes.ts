import type { GradientNodes } from './update-nodes';
import type { FiniteGate } from './finite-gate';
import type { GraphWriter, NodeOutput } from './graph-writer';
import { DataType } from './recording';
import type { VariableNodes } from './shared-variables';

const float32 = { kind: 'type', value: DataType.float32 } as const;

/**
 * Writes the adding of gradients, each times a scale, to variables that hold their sums.
 * @param given.gate which lets the gradients through, or nothing is added.
 * @returns the nodes that add.
 */
export function addAccumulation(
  graph: GraphWriter,
  {
    sums,
    gradients,
    scale,
    gate,
  }: { sums: VariableNodes; gradients: ReadonlyMap<string, GradientNodes>; scale: NodeOutput; gate: FiniteGate },
): NodeOutput[] {
  return [...gradients].map(([name, { gradient }]) => {
    const scaled = graph.addNode(`scaled/${name}`, 'Mul', [gate.letThrough(gradient), scale], { T: float32 });
    return graph.addNode(`added/${name}`, 'AssignAddVariableOp', [sums.handleOf(name), scaled], { dtype: float32 });
  });
}

/** Writes the reading of summed gradients, for an update. */
export function addSumReads(sums: VariableNodes, parameters: VariableNodes, names: readonly string[]): Map<string, GradientNodes> {
  return new Map(names.map((name) => [name, { gradient: sums.addRead(name), parameter: parameters.addRead(name) }]));
}
