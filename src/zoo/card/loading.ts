import path from 'node:path';
import { shellWord } from '../../foundation/text';
import type { CardFacts } from './card-facts';
import { ownModels } from '../../models/model-table';

/** The sections that say how the model is used: here, in PyTorch, over HTTP. */
export function loadingSections(facts: CardFacts): string[] {
  return [...here(facts), ...inPyTorch(facts), ...overHttp(facts)];
}

function here({ folder, record }: CardFacts): string[] {
  const place = shellWord(folder);
  const data = record.run.data === undefined ? ' --data CLIPS' : '';
  return [
    '## Load it here',
    '',
    'From the folder of Kumpas:',
    '',
    '```sh',
    `npm run predict -- --model-path ${place} --input CLIP.npz`,
    `npm run evaluate -- --model-path ${place}${data}`,
    '```',
    '',
  ];
}

function inPyTorch({ model, record }: CardFacts): string[] {
  const entry = ownModels.get(record.model);
  const { checkpointName } = entry;
  const { fromConfig, others, whole } = entry.pytorch(model.model.config);
  const given = ['**{name: config[name] for name in names}', ...others].join(', ');
  return [
    '## Load it in PyTorch',
    '',
    `With the class \`${checkpointName}\` of your PyTorch code, in this folder:`,
    '',
    '```python',
    'import torch',
    '',
    `checkpoint = torch.load(${pythonText(path.basename(model.file))}, map_location="cpu", weights_only=True)`,
    'config = checkpoint["config"]',
    `names = [${fromConfig.map(pythonText).join(', ')}]`,
    `model = ${checkpointName}(${given})`,
    `model.load_state_dict(checkpoint["model"]${whole ? '' : ', strict=False'})`,
    'model.eval()',
    'labels = config.get("gloss_labels")  # position = the id that the gloss head says',
    '```',
    '',
  ];
}

function overHttp({ name, folder, model }: CardFacts): string[] {
  const { maxFrames, width } = model.model;
  const key = ownModels.get(model.name).usualClips.key;
  const served = shellWord(name);
  return [
    '## Use it over HTTP',
    '',
    'TensorFlow Serving answers requests with a model that was exported for it:',
    '',
    '```sh',
    `npm run convert -- export ${shellWord(folder)} --format saved-model --frames ${maxFrames} --out served/${served}/1`,
    `docker run --rm -p 8501:8501 -v "$PWD/served:/models" -e MODEL_NAME=${served} tensorflow/serving`,
    '```',
    '',
    `A clip is padded to ${maxFrames} frames of ${width} numbers, and the mask says which of them are its own:`,
    '',
    '```python',
    'import json',
    'import urllib.request',
    '',
    'import numpy as np',
    '',
    `clip = np.load("CLIP.npz")[${pythonText(key)}].astype("float32")[:${maxFrames}]`,
    `features = np.zeros((1, ${maxFrames}, ${width}), "float32")`,
    `mask = np.zeros((1, ${maxFrames}), "float32")`,
    'features[0, : len(clip)] = clip',
    'mask[0, : len(clip)] = 1',
    'body = json.dumps({"signature_name": "serving_default", "inputs": {"features": features.tolist(), "mask": mask.tolist()}})',
    'request = urllib.request.Request(',
    `    ${pythonText(`http://localhost:8501/v1/models/${encodeURIComponent(name)}:predict`)}, body.encode(), {"Content-Type": "application/json"}`,
    ')',
    'outputs = json.load(urllib.request.urlopen(request))["outputs"]',
    'best = int(np.argmax(outputs["gloss_probabilities"][0]))',
    `labels = json.load(open(${pythonText(`served/${name}/1/assets/labels.json`)}))["gloss"]`,
    'print(labels[best], outputs["gloss_probabilities"][0][best])',
    '```',
    '',
  ];
}

/** A text as Python writes one. */
function pythonText(text: string): string {
  return JSON.stringify(text);
}
