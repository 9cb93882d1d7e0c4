import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { messageOf } from '../../foundation/errors';
import type { HostArray } from '../parameters';
import { CaptureError, DataType } from './recording';
import { GRAPH_TAG } from './saved-model';
import type { NodeOutput } from './graph-writer';
import { nativeBinding, type NativeBinding, type NativeTensor } from '../native-backend';

/** A tensor that goes into a graph, and where. */
export interface Feed {
  readonly target: NodeOutput;
  readonly tensor: NativeTensor;
}

/** A graph loaded into TensorFlow, with its own variables. */
export class NativeSession {
  private readonly binding: NativeBinding;
  private readonly session: number;

  /**
   * @param graph the bytes of a SavedModel; they pass through a temporary folder, which is the only door the binding has.
   * @throws CaptureError where TensorFlow refuses the graph.
   */
  constructor(graph: Uint8Array) {
    this.binding = nativeBinding();
    const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-graph-'));
    try {
      writeFileSync(path.join(folder, 'saved_model.pb'), graph);
      this.session = this.binding.loadSavedModel(folder, GRAPH_TAG);
    } catch (error) {
      throw new CaptureError(`TensorFlow refuses the recorded graph: ${messageOf(error)}`, { cause: error });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Runs what the fetched nodes need, in one native call. The tensors that come back are the caller's to free. */
  run(feeds: readonly Feed[], fetches: readonly NodeOutput[]): NativeTensor[] {
    const tensors = feeds.map(({ tensor }) => tensor.id);
    const targets = feeds.map(({ target }) => outputAddress(target)).join();
    return this.binding.runSavedModel(this.session, tensors, targets, fetches.map(outputAddress).join());
  }

  dispose(): void {
    this.binding.deleteSavedModel(this.session);
  }
}

/** Hands values to the native library, which may use the array's own memory until the tensor is freed. */
export function uploadTensor({ shape, values }: HostArray): NativeTensor {
  const dtype = values instanceof Int32Array ? DataType.int32 : DataType.float32;
  return { id: nativeBinding().createTensor(shape, dtype, values), shape, dtype };
}

/** Copies a tensor's values from the native library. */
export function downloadTensor({ id, shape }: NativeTensor): HostArray {
  return { shape, values: nativeBinding().tensorDataSync(id) as Float32Array | Int32Array };
}

export function freeTensors(tensors: readonly NativeTensor[]): void {
  const binding = nativeBinding();
  for (const { id } of tensors) binding.deleteTensor(id);
}

function outputAddress(output: NodeOutput): string {
  return output.includes(':') ? output : `${output}:0`;
}
