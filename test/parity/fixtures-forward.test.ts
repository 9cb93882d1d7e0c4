import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { valuesNamed } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { featureInputs, inferenceProgram, modelOfFile } from '../../src/evaluation/loaded-model';
import { arrayNamed, parityFolder, readArrays, relativeDifference, torchFolder } from '../support/parity';
import { parityBatch } from '../support/tiny-transformer';

beforeAll(async () => {
  await startRuntime({ verbose: false });
});

/** Of halves: their own rounding, passed through the layers. */
const [exact, float16, bfloat16] = [1e-5, 2e-3, 2e-2];

describe('every good checkpoint of PyTorch gives its logits', () => {
  it.each<[string, string, number]>([
    ['tiny_initial', 'transformer_forward', exact],
    ['tiny_argparse_namespace', 'transformer_forward', exact],
    ['tiny_bare_state_dict', 'transformer_forward', exact],
    ['tiny_compiled_prefix', 'transformer_forward', exact],
    ['tiny_cuda_location', 'transformer_forward', exact],
    ['tiny_dataparallel_prefix', 'transformer_forward', exact],
    ['tiny_double', 'transformer_forward', exact],
    ['tiny_model_state_dict_key', 'transformer_forward', exact],
    ['tiny_numpy_scalars_parameters', 'transformer_forward', exact],
    ['tiny_strided_shared_storage', 'transformer_forward', exact],
    ['tiny_half', 'transformer_forward', float16],
    ['tiny_bf16', 'transformer_forward', bfloat16],
    ['tiny_full', 'tiny_full_forward', exact],
    ['tiny_full_legacy_nonzip', 'tiny_full_forward', exact],
  ])('%s', async (name, parity, tolerance) => {
    const expected = await readArrays(path.join(parityFolder, `${parity}.npz`));
    const program = inferenceProgram(modelOfFile(path.join(torchFolder, `${name}.pt`), { n_heads: 4 }), { mode: 'eager' });
    const outputs = program.evaluate(featureInputs({ ...parityBatch(expected), gloss: new Int32Array(6), category: new Int32Array(6) }));
    const prefix = parity === 'tiny_full_forward' ? '' : 'mean_';
    expect(relativeDifference(valuesNamed(outputs, 'gloss_logits'), arrayNamed(expected, `${prefix}gloss`))).toBeLessThan(tolerance);
    expect(relativeDifference(valuesNamed(outputs, 'category_logits'), arrayNamed(expected, `${prefix}cat`))).toBeLessThan(tolerance);
    program.dispose();
  });
});
