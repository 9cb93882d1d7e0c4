import type { PythonTransforms } from '../config/data-settings';
import { shellWord } from '../foundation/text';
import { checkpointFile } from './contents';
import type { PageSection } from './readme';

/**
 * The section of a model folder's README that says how to use it.
 * @param epochs to go on to; undefined where there is no state to go on from.
 * @param further.data what must be typed to name the clips; nothing where the folder knows them.
 * @param further.transforms what its clips go through first, if anything.
 */
export function loadingSection(
  folder: string,
  checkpointName: string,
  epochs: number | undefined,
  further: { readonly data?: string; readonly transforms?: PythonTransforms | undefined } = {},
): PageSection {
  const { data = '', transforms } = further;
  const place = shellWord(folder);
  const lines = [
    'With Kumpas, from the project’s folder:',
    '',
    '```sh',
    `npm run evaluate -- --model-path ${place}${data}`,
    `npm run predict -- --model-path ${place} --input CLIP.npz`,
    ...(epochs === undefined ? [] : [`npm run train -- --resume ${place}${data} --epochs ${epochs}`]),
    '```',
    '',
    'With PyTorch:',
    '',
    '```python',
    'import torch',
    `checkpoint = torch.load("${checkpointFile(checkpointName, 'best')}", weights_only=True)`,
    'checkpoint["config"]      # its shape and its labels',
    'model.load_state_dict(checkpoint["model"])',
    '```',
    ...transformLines(transforms),
  ];
  return { heading: 'Load it', lines };
}

/** What is added for those who use a model elsewhere whose clips go through something first; nothing where they do not. */
export function transformLines(python: PythonTransforms | undefined): string[] {
  if (python === undefined) return [];
  return [
    '',
    'It was trained on clips that were changed first. Kumpas does that by itself to each clip that the model sees; elsewhere it must be done to the whole clip, before it is cut or padded:',
    '',
    '```python',
    'import numpy as np',
    '',
    ...python.definitions,
    '',
    `X = ${python.call('X')}`,
    '```',
  ];
}
