import { performance } from 'node:perf_hooks';
import { GraphWriter, type NodeOutput } from './graph-writer';
import type { MatrixType } from './matrix-type';
import { freeTensors, NativeSession, uploadTensor } from './native-session';
import { DataType } from './recording';

/** Rows and columns of the matrices that are multiplied, and how many products a run takes. */
const [SIZE, PRODUCTS, RUNS] = [512, 4, 4] as const;

/**
 * How many times as fast as in float32 this machine multiplies matrices in bfloat16, casts included: above 1 where it has units for it (AMX, a recent GPU),
 * below where it has only instructions. Measured in some 50 ms.
 */
export function measureBfloat16Gain(): number {
  return secondsOfProducts('float32') / secondsOfProducts('bfloat16');
}

function secondsOfProducts(type: MatrixType): number {
  const graph = new GraphWriter();
  const input = graph.addPlaceholder('matrix', { dtype: DataType.float32, shape: [SIZE, SIZE] });
  let product: NodeOutput = input;
  for (let count = 0; count < PRODUCTS; count++) product = addProduct(graph, product, input, type);
  const session = new NativeSession(graph.toBytes());
  const tensor = uploadTensor({ shape: [SIZE, SIZE], values: new Float32Array(SIZE * SIZE).fill(1 / SIZE) });
  const seconds = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    freeTensors(session.run([{ target: input, tensor }], [product]));
    return (performance.now() - start) / 1000;
  });
  freeTensors([tensor]);
  session.dispose();
  return Math.min(...seconds.slice(1));
}

function addProduct(graph: GraphWriter, left: NodeOutput, right: NodeOutput, type: MatrixType): NodeOutput {
  const cast = (node: NodeOutput, from: number, to: number): NodeOutput =>
    from === to ? node : graph.addNode('cast', 'Cast', [node], { SrcT: { kind: 'type', value: from }, DstT: { kind: 'type', value: to } });
  const computed = DataType[type];
  const inputs = [left, right].map((node) => cast(node, DataType.float32, computed));
  return cast(graph.addNode('product', 'MatMul', inputs, { T: { kind: 'type', value: computed } }), computed, DataType.float32);
}
