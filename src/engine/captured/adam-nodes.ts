import { biasCorrected, type AdamSettings } from '../adam';
import { addMagnitude, type FiniteGate } from './finite-gate';
import { runsAfter, type GraphWriter, type NodeOutput } from './graph-writer';
import { DataType, type Attributes } from './recording';
import type { VariableNodes } from './shared-variables';

/** The variables that Adam reads and writes. */
export interface AdamVariables {
  readonly parameters: VariableNodes;
  readonly expAvg: VariableNodes;
  readonly expAvgSq: VariableNodes;
}

/** A parameter's gradient, and the node that read the parameter for it: the update waits for that. */
export interface GradientNodes {
  readonly gradient: NodeOutput;
  readonly parameter: NodeOutput;
}

/** The scalars that each update is given: see {@link fusedRate}. */
export interface AdamRate {
  readonly rate: NodeOutput;
  readonly epsilon: NodeOutput;
}

const float32: Attributes = { T: { kind: 'type', value: DataType.float32 } };

/**
 * Writes one Adam update of every parameter that has a gradient, as `torch.optim.Adam` does it: the global norm clipped, the L2 decay added to the gradient,
 * then TensorFlow's fused update, whose own bias correction is switched off by powers of zero since rate and epsilon come corrected.
 * @param given.norm from {@link addGlobalNorm}.
 * @param given.gate which lets the gradients through, or nothing is updated.
 * @returns the nodes that update.
 */
export function addAdamUpdate(
  graph: GraphWriter,
  settings: AdamSettings,
  {
    variables,
    gradients,
    norm,
    rate: { rate, epsilon },
    gate,
  }: {
    variables: AdamVariables;
    gradients: ReadonlyMap<string, GradientNodes>;
    norm: NodeOutput;
    rate: AdamRate;
    gate: FiniteGate;
  },
): NodeOutput[] {
  const binary = (operation: string, left: NodeOutput, right: NodeOutput): NodeOutput =>
    graph.addNode(`clip/${operation}`, operation, [left, right], float32);
  const factor =
    settings.clipNorm === undefined
      ? undefined
      : binary(
          'Minimum',
          graph.addScalar(1),
          binary('RealDiv', graph.addScalar(settings.clipNorm), binary('AddV2', norm, graph.addScalar(1e-6))),
        );
  const [zero, beta1, beta2] = [graph.addScalar(0), graph.addScalar(settings.beta1), graph.addScalar(settings.beta2)];
  return [...gradients].map(([name, { gradient, parameter }]) => {
    const finite = gate.letThrough(gradient);
    const clipped = factor === undefined ? finite : binary('Mul', finite, factor);
    const decayed =
      settings.weightDecay === 0 ? clipped : binary('AddV2', clipped, binary('Mul', parameter, graph.addScalar(settings.weightDecay)));
    const slots = [variables.parameters, variables.expAvg, variables.expAvgSq].map((group) => group.handleOf(name));
    const inputs = [...slots, zero, zero, rate, beta1, beta2, epsilon, decayed, runsAfter(parameter)];
    const attributes: Attributes = {
      ...float32,
      use_locking: { kind: 'bool', value: false },
      use_nesterov: { kind: 'bool', value: false },
    };
    return graph.addNode(`updated/${name}`, 'ResourceApplyAdam', inputs, attributes);
  });
}

/**
 * The rate and epsilon for the fused update. It computes 1 − beta2 in float32, for 0.999 too small by 1.3e-5 of itself; so its averages of squares come out
 * that much smaller than `torch.optim.Adam`'s, and scaling rate and epsilon alike makes the update itself the same.
 */
export function fusedRate(settings: AdamSettings, learningRate: number, step: number): { rate: number; epsilon: number } {
  const { rate, epsilon } = biasCorrected(settings, learningRate, step);
  const shrinkage = Math.sqrt((1 - Math.fround(settings.beta2)) / (1 - settings.beta2));
  return { rate: rate * shrinkage, epsilon: epsilon * shrinkage };
}

/** Writes the gradients' global norm: the square root of the sum of all squares. */
export function addGlobalNorm(graph: GraphWriter, gradients: ReadonlyMap<string, GradientNodes>): NodeOutput {
  const half = addMagnitude(
    graph,
    [...gradients.values()].map(({ gradient }) => gradient),
  );
  if (half === undefined) return graph.addScalar(0);
  const twice = graph.addNode('norm/Mul', 'Mul', [half, graph.addScalar(2)], float32);
  return graph.addNode('norm/Sqrt', 'Sqrt', [twice], float32);
}
