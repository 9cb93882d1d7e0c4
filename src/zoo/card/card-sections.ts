import { existsSync } from 'node:fs';
import path from 'node:path';
import { modelPreset, resolveLayers } from '../../config/resolve';
import { onlyModel } from '../../config/understood-settings';
import { parseCsvTable } from '../../data/csv-table';
import { transformsInPython } from '../../data/transforms/pipeline';
import { modelOfFile, type LoadedModel } from '../../evaluation/loaded-model';
import type { ReadEvaluation } from '../../evaluation/results/contents';
import type { ModelRecord } from '../../folder/config-file';
import { RESULT_FILES } from '../../folder/contents';
import { transformLines } from '../../folder/loading-section';
import { ModelFolder } from '../../folder/model-folder';
import type { PageSection } from '../../folder/readme';
import { readTextIfThere } from '../../foundation/regular-file';
import { required } from '../../foundation/required';
import { plainMarkdown, shortLabel, shellWord } from '../../foundation/text';
import type { Model } from '../../models/model';
import { checkpointNameOf, ownModels } from '../../models/model-table';
import { releaseFolders, evaluationIn, type RegisteredModel } from '../registered-models';

/** A setting of the training, and what it is unless chosen. */
export interface CardSetting {
  readonly key: string;
  readonly value: unknown;
  readonly usual: unknown;
}

/** All that a model's card tells, as its folder has it. */
export interface CardFacts {
  readonly name: string;
  readonly folder: string;
  readonly record: ModelRecord;
  /** The model of the checkpoint that its folder stands for. */
  readonly model: LoadedModel;
  readonly settings: readonly CardSetting[];
  /** Undefined where it has not been evaluated. */
  readonly evaluation: ReadEvaluation | undefined;
  readonly glosses: readonly ClassFigures[] | undefined;
  /** Files of the results that are there, by their names. */
  readonly results: ReadonlySet<string>;
  /** The file that `promote` wrote for use: weights alone. */
  readonly production: string | undefined;
  readonly hasChangelog: boolean;
  readonly releases: readonly { readonly version: string; readonly evaluation: ReadEvaluation | undefined }[];
}

/** Settings that say where things lie, and what the data says by itself: they are no recipe. */
const NO_RECIPE = new Set([
  ...['data', 'data_dir', 'keypoints_train', 'keypoints_val', 'features_train', 'features_val', 'frames_train', 'frames_val'],
  ...['labels_train_csv', 'labels_val_csv', 'labels_reference', 'save_dir', 'description', 'num_gloss', 'num_cat', 'model'],
]);

/**
 * Reads what a card tells.
 * @throws UserError where the folder holds no model that can be read.
 */
export function readCardFacts({ name, folder, models }: RegisteredModel): CardFacts {
  const files = new ModelFolder(folder);
  const record = files.readConfig();
  const production = files.checkpoint('production', checkpointNameOf(record));
  const model = modelOfFile(files.standingCheckpoint(folder), {}, { models });
  const results = (file: string): string => path.join(files.results, file);
  return {
    name,
    folder,
    record,
    model,
    settings: settingsOf(record, model.model),
    evaluation: evaluationIn(folder),
    glosses: readClassFigures(results(RESULT_FILES.perClass)),
    results: new Set(Object.values(RESULT_FILES).filter((file) => existsSync(results(file)))),
    production: existsSync(production) ? path.basename(production) : undefined,
    hasChangelog: existsSync(files.changelog),
    releases: releaseFolders(folder).map(({ version, folder: place }) => ({ version, evaluation: evaluationIn(place) })),
  };
}

function settingsOf(settings: ModelRecord, { definition }: Model): CardSetting[] {
  const usual = new Map<string, unknown>(
    Object.entries(resolveLayers([modelPreset(settings.model)], onlyModel(definition.settings)).settings),
  );
  return Object.entries(settings)
    .filter(([key]) => usual.has(key) && !NO_RECIPE.has(key))
    .map(([key, value]) => ({ key, value, usual: usual.get(key) }));
}

/** What an evaluation found of one class. */
interface ClassFigures {
  readonly id: number;
  readonly label: string;
  readonly recall: number;
  readonly f1: number;
  /** Clips of the class. */
  readonly support: number;
  /** The class that it is most often taken for; empty where it is always right. */
  readonly confusedWith: string;
}

const LARGEST_TABLE = 64_000_000;
const CLASS_COLUMNS = ['class_id', 'label', 'recall', 'f1', 'support', 'most_confused_with'];

/** Reads a `per_class_metrics.csv`; undefined where there is none, or it is no such table. */
export function readClassFigures(file: string): ClassFigures[] | undefined {
  const text = readTextIfThere(file, LARGEST_TABLE);
  if (text === undefined) return undefined;
  const { rows, problems } = parseCsvTable(text, file, CLASS_COLUMNS);
  if (problems.length > 0) return undefined;
  const classes = rows.map((row) => ({
    id: Number(row.cell('class_id')),
    label: required(row.cell('label'), 'a label'),
    recall: Number(row.cell('recall')),
    f1: Number(row.cell('f1')),
    support: Number(row.cell('support')),
    confusedWith: required(row.cell('most_confused_with'), 'the class that it is taken for'),
  }));
  return classes.every((one) => [one.id, one.recall, one.f1, one.support].every(Number.isFinite)) ? classes : undefined;
}

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
    ...transformLines(transformsInPython(model.transforms, model.keypoints)),
  ];
  return { heading: 'Load it in PyTorch', lines };
}

function overHttp(facts: CardFacts): PageSection {
  const { name, folder, model } = facts;
  const { maxFrames, width } = model.model;
  const key = model.model.definition.usualClips.key;
  const served = shellWord(name);
  const python = transformsInPython(model.transforms, model.keypoints);
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
