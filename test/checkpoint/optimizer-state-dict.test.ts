import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PythonFloat, PythonTuple, type PythonDict, type PythonValue } from '../../src/checkpoint/python-values';
import { TorchTensor } from '../../src/checkpoint/tensor';
import { readTorchFile, writeTorchFile } from '../../src/checkpoint/torch-file';
import { checkpointFromPython, checkpointToPython, readTrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { inTemporaryFolder } from '../support/clip-files';

/** Checkpoints that PyTorch wrote in the middle of a training with each optimiser: test/fixtures/optimizers/steps.py. */
const folder = path.resolve(__dirname, '../fixtures/optimizers');
const files = readdirSync(folder).filter((name) => name.endsWith('.pt'));
const names = ['weight', 'bias', 'seldom', 'never'];

/** A value with what counts in it: whole floats are as good as ints, and tensors are their values. */
function plain(value: PythonValue | undefined): unknown {
  if (value instanceof PythonFloat) return value.value;
  if (value instanceof PythonTuple) return value.items.map(plain);
  if (value instanceof TorchTensor) return [value.dtype, value.shape, [...value.toFloat32()]];
  if (value instanceof Map) return [...value].map(([key, item]) => [key, plain(item)]);
  return Array.isArray(value) ? value.map(plain) : value;
}

describe('the state_dict of an optimiser', () => {
  it('is there of every optimiser', () => {
    const classes = files.map((name) => readTrainingCheckpoint(path.join(folder, name), names, optimizerForms).optimizer?.form.className);
    expect(new Set(classes)).toEqual(new Set(optimizerForms.map(({ className }) => className)));
  });

  it.each(files)('is written value by value as PyTorch wrote it: %s', async (name) => {
    await inTemporaryFolder((temporary) => {
      const copy = path.join(temporary, name);
      readTorchFile(path.join(folder, name), (original) => {
        const checkpoint = checkpointFromPython(original, names, optimizerForms);
        writeTorchFile(copy, checkpointToPython(checkpoint));
        expect(readTrainingCheckpoint(copy, names, optimizerForms)).toEqual(checkpoint);
        const theirs = plain((original as PythonDict).get('optimizer'));
        readTorchFile(copy, (written) => {
          expect(plain((written as PythonDict).get('optimizer'))).toEqual(theirs);
        });
      });
    });
  });

  it('may say of SGD without momentum that it has no buffers, as older versions of PyTorch do', () => {
    readTorchFile(path.join(folder, 'sgd.pt'), (original) => {
      const optimizer = (original as PythonDict).get('optimizer') as PythonDict;
      optimizer.set('state', new Map(names.map((_, position) => [position, new Map([['momentum_buffer', null]])])));
      const { slots, step } = checkpointFromPython(original, names, optimizerForms).optimizer ?? {};
      expect([step, slots?.get('momentum_buffer')?.size ?? 0]).toEqual([undefined, 0]);
    });
  });
});
