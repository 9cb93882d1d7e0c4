import { elementAt } from '../../foundation/required';
import { addMagnitude } from '../captured/finite-gate';
import type { GraphWriter, NodeOutput } from '../captured/graph-writer';
import { DataType, type Attributes } from '../captured/recording';
import { tf } from '../tensorflow';

/** What `clip_grad_norm_` adds to the norm that it divides by. */
const EPSILON = 1e-6;

const float32: Attributes = { T: { kind: 'type', value: DataType.float32 } };

/** The global norm of tensors: the square root of the sum of all squares. */
export function globalNorm(tensors: Iterable<tf.Tensor>): number {
  return tf.tidy(() => {
    const squares = [...tensors].map((tensor) => tf.sum(tf.square(tensor)));
    return squares.length === 0 ? 0 : elementAt(tf.sqrt(tf.addN(squares)).dataSync(), 0);
  });
}

/** The factor that `torch.nn.utils.clip_grad_norm_` multiplies a gradient of this norm with. */
export function clipFactor(norm: number, clipNorm: number | undefined): number {
  return clipNorm === undefined ? 1 : Math.min(1, clipNorm / (norm + EPSILON));
}

/** Writes {@link globalNorm}. */
export function addGlobalNorm(graph: GraphWriter, tensors: readonly NodeOutput[]): NodeOutput {
  const half = addMagnitude(graph, tensors);
  if (half === undefined) return graph.addScalar(0);
  const twice = graph.addNode('norm/Mul', 'Mul', [half, graph.addScalar(2)], float32);
  return graph.addNode('norm/Sqrt', 'Sqrt', [twice], float32);
}

/** Writes {@link clipFactor}. */
export function addClipFactor(graph: GraphWriter, norm: NodeOutput, clipNorm: number): NodeOutput {
  const divisor = graph.addNode('clip/AddV2', 'AddV2', [norm, graph.addScalar(EPSILON)], float32);
  const ratio = graph.addNode('clip/RealDiv', 'RealDiv', [graph.addScalar(clipNorm), divisor], float32);
  return graph.addNode('clip/Minimum', 'Minimum', [graph.addScalar(1), ratio], float32);
}
