import { expect, it } from '@jest/globals';
import { sharingDevices } from '../../src/engine/runtime';

const gpus = ['NVIDIA A', 'NVIDIA A', 'NVIDIA B'];

it.each([
  [{}, true, ['/device:GPU:0', '/device:GPU:1', '/device:GPU:2']],
  [{ CUDA_VISIBLE_DEVICES: '2,0' }, true, ['/device:GPU:0', '/device:GPU:1']],
  [{ CUDA_VISIBLE_DEVICES: '0,1,-1,2' }, true, ['/device:GPU:0', '/device:GPU:1']],
  [{ CUDA_VISIBLE_DEVICES: '1' }, true, []],
  [{ CUDA_VISIBLE_DEVICES: '' }, true, []],
  [{}, false, []],
])('names the GPUs that may share a batch: %p, GPU in use: %p', (environment, usesGpu, expected) => {
  expect(sharingDevices({ usesGpu }, { gpus, environment })).toEqual(expected);
});

it('names none where there is one', () => {
  expect(sharingDevices({ usesGpu: true }, { gpus: ['NVIDIA A'], environment: {} })).toEqual([]);
});
