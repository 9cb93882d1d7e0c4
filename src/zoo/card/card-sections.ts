import path from 'node:path';
import { transformsInPython } from '../../data/transforms/pipeline';
import { transformLines } from '../../folder/loading-section';
import type { PageSection } from '../../folder/readme';
import { plainMarkdown, shortLabel, shellWord } from '../../foundation/text';
import { ownModels } from '../../models/model-table';
import type { CardFacts } from './card-facts';

/** Clips of a class below which its figures say little. */
const FEW_CLIPS = 10;
/** F1 below which a class is called weak. */
const LOW_F1 = 0.5;
const NAMED = 12;

/** What the model's data does not contain and its figures do not say, a sentence each. */
export function limits(facts: CardFacts): string[] {
  const { record, evaluation, glosses, model } = facts;
  const { run } = record;
  const synthetic = run.data?.synthetic === true || evaluation?.data.synthetic === true;
  const labels = run.gloss_labels ?? [];
  const rare = (run.training_clips?.of_gloss ?? []).flatMap((clips, id) =>
    clips < FEW_CLIPS ? [`${shortLabel(labels[id] ?? `gloss ${id}`)} (${clips})`] : [],
  );
  const untested = (glosses ?? []).filter(({ support }) => support === 0).map(({ label }) => label);
  const thin = (glosses ?? []).filter(({ support }) => support > 0 && support < FEW_CLIPS);
  const low = (glosses ?? []).filter(({ support, f1 }) => support > 0 && f1 < LOW_F1).sort((one, other) => one.f1 - other.f1);
  return [
    ...(synthetic
      ? ['**The data is synthetic**: a generator made it and nobody signed it. The figures say nothing about real signs.']
      : [
          'How many people signed the clips, and whether the same ones are in training and validation, is not recorded: on signers it never saw it may do worse.',
        ]),
    ...(run.data === undefined ? ['What it was trained on is not known.'] : []),
    `It knows ${run.classes.gloss} glosses and gives one of them for any clip, also for a sign it never saw or for no sign at all.`,
    ...(rare.length === 0 ? [] : [`Glosses with fewer than ${FEW_CLIPS} training clips: ${named(rare)}.`]),
    ...(untested.length === 0 ? [] : [`Glosses without a clip in the evaluation: ${named(untested.map(shortLabel))}.`]),
    ...(thin.length === 0
      ? []
      : [
          `${thin.length} of ${glosses?.length ?? 0} glosses were evaluated on fewer than ${FEW_CLIPS} clips each (the fewest ${thin.reduce((fewest, { support }) => Math.min(fewest, support), Infinity)}): their own figures are rough.`,
        ]),
    ...(low.length === 0
      ? []
      : [`Glosses with an F1 below ${LOW_F1}: ${named(low.map(({ label, f1 }) => `${shortLabel(label)} (${f1.toFixed(2)})`))}.`]),
    ...lengths(facts),
    ...model.assumptions.map((assumption) => `The checkpoint does not say it: ${plainMarkdown(assumption)} was taken.`),
  ];
}

function lengths({ record, model, evaluation }: CardFacts): string[] {
  const { maxFrames } = model.model;
  const clips = record.run.training_clips;
  const cut = evaluation?.data.cut_clips ?? 0;
  const trained =
    clips === undefined || clips.longest_frames === 0
      ? 'how long the training clips were is not recorded'
      : clips.shortest_frames === clips.longest_frames
        ? `all training clips had ${clips.longest_frames} frames, and clips of other lengths are untested`
        : `the training clips had ${clips.shortest_frames} to ${clips.longest_frames} frames, half of them up to ${clips.median_frames}`;
  return [
    `It takes the first ${maxFrames} frames of a clip${cut === 0 ? '' : `, and ${cut} of the evaluated clips were cut to that`}; ${trained}.`,
  ];
}

function named(texts: readonly string[]): string {
  const shown = texts.slice(0, NAMED).map(plainMarkdown).join(', ');
  return texts.length > NAMED ? `${shown}, and ${texts.length - NAMED} more` : shown;
}

/** The sections that say how the model is used: here, in PyTorch, over HTTP. */
export function loadingSections(facts: CardFacts): PageSection[] {
  return [here(facts), inPyTorch(facts), overHttp(facts)];
}

/** What names a model of one's own to a command: its file, as it was given. */
function ownModelOf({ record, model }: CardFacts): string {
  const file = ownModels.find(record.model) === undefined ? (record.run.model_file ?? model.model.definition.file) : undefined;
  return file === undefined ? '' : ` --model ${shellWord(file)}`;
}

function here(facts: CardFacts): PageSection {
  const { folder, record } = facts;
  const own = ownModelOf(facts);
  const place = shellWord(folder);
  const data = record.run.data === undefined ? ' --data CLIPS' : '';
  const lines = [
    'From the folder of Kumpas:',
    '',
    '```sh',
    `npm run predict -- --model-path ${place} --input CLIP.npz${own}`,
    `npm run evaluate -- --model-path ${place}${data}${own}`,
    '```',
  ];
  return { heading: 'Load it here', lines };
}

function inPyTorch({ model }: CardFacts): PageSection {
  const { definition, config } = model.model;
  const { checkpointName } = definition;
  const { fromConfig, others, whole } = definition.pytorch(config);
  const given = ['**{name: config[name] for name in names}', ...others].join(', ');
  const lines = [
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
    ...transformLines(transformsInPython(model.transforms)),
  ];
  return { heading: 'Load it in PyTorch', lines };
}

function overHttp(facts: CardFacts): PageSection {
  const { name, folder, model } = facts;
  const { maxFrames, width } = model.model;
  const key = model.model.definition.usualClips.key;
  const served = shellWord(name);
  const python = transformsInPython(model.transforms);
  const clip = `np.load("CLIP.npz")[${pythonText(key)}].astype("float32")`;
  const lines = [
    'TensorFlow Serving answers requests with a model that was exported for it:',
    '',
    '```sh',
    `npm run convert -- export ${shellWord(folder)} --format saved-model --frames ${maxFrames} --out served/${served}/1${ownModelOf(facts)}`,
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
    ...(python === undefined ? [] : [...python.definitions, '']),
    `clip = ${python === undefined ? clip : python.call(clip)}[:${maxFrames}]`,
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
  ];
  return { heading: 'Use it over HTTP', lines };
}

/** A text as Python writes one. */
function pythonText(text: string): string {
  return JSON.stringify(text);
}
