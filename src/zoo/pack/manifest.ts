import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../foundation/json';
import { hasRole } from '../../folder/contents';
import { isSafeName } from '../../folder/folder-name';
import { firstIssue, messageOf, UserError } from '../../foundation/errors';
import { FileSystemProblem } from '../../foundation/file-system-problem';
import { readTextIfThere } from '../../foundation/regular-file';
import { ownModels, type ModelDefinitions } from '../../models/model-table';
import { checkedFileSchema, type CheckedFile } from '../archive/archived-models';
import { checksumOf, checksumOfText } from '../checksums';

/** The file of a pack that says what is in it. */
export const MANIFEST_FILE = 'manifest.json';
/** In bytes. */
export const LARGEST_MANIFEST = 4_000_000;
/** The folder of a pack that shows how to load the model. */
export const EXAMPLES_FOLDER = 'examples';

const manifestSchema = z.object({
  format: z.literal('kumpas-pack'),
  format_version: z.literal(1),
  name: z.string().refine(isSafeName, 'expected the name of a model folder'),
  /** Its type: the model in `config.json`. */
  model: z.string(),
  /** The version of Kumpas that packed it. */
  kumpas: z.string(),
  /** All but the manifest itself, by their paths. */
  files: z.array(checkedFileSchema),
});
/** What a pack holds, with the size and sha256 of every file. */
export type Manifest = z.infer<typeof manifestSchema>;

/** The text of a `manifest.json`. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/**
 * Reads the text of a manifest.
 * @throws UserError where it is none.
 */
export function parseManifest(text: string, place: string): Manifest {
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch (error) {
    throw new UserError(`${place}: it is no JSON that can be used (${messageOf(error)}); this is no pack that Kumpas made`, {
      cause: error,
    });
  }
  const checked = manifestSchema.safeParse(parsed);
  if (checked.success) return checked.data;
  throw new UserError(`${place}: ${firstIssue(checked.error)}; this is no pack that Kumpas made`);
}

/** The manifest that lies in a model folder; undefined where none does. */
export function manifestIn(folder: string): Manifest | undefined {
  const file = path.join(folder, MANIFEST_FILE);
  const text = readTextIfThere(file, LARGEST_MANIFEST);
  return text === undefined ? undefined : parseManifest(text, file);
}

/** A file that is missing, or of another checksum. */
interface FileDifference {
  readonly path: string;
  readonly missing: boolean;
}

/** Files of a manifest that are not in a folder as it says. */
export function differencesFrom({ files }: Manifest, folder: string): FileDifference[] {
  const sums = new Map<string, string | undefined>();
  return files.flatMap(({ path: inner, sha256 }): FileDifference[] => {
    const file = path.join(folder, ...inner.split('/'));
    if (!existsSync(file)) return [{ path: inner, missing: true }];
    const sum = sums.has(inner) ? sums.get(inner) : checksumOrUndefined(file);
    sums.set(inner, sum);
    return sum === sha256 ? [] : [{ path: inner, missing: false }];
  });
}

/** Undefined where something else than a file is there. */
function checksumOrUndefined(file: string): string | undefined {
  try {
    return checksumOf(file);
  } catch (error) {
    if (error instanceof UserError && !(error instanceof FileSystemProblem)) return undefined;
    throw error;
  }
}

/** What the examples of a pack are about. */
interface ExampleFacts {
  readonly name: string;
  /** Its type, as `transformer`. */
  readonly model: string;
  /** The checkpoint to load, from the pack's folder. */
  readonly checkpoint: string;
  /** The class's name in PyTorch. */
  readonly architecture: string;
}

const EXAMPLES = [
  [`${EXAMPLES_FOLDER}/load_in_pytorch.py`, pytorchExample],
  [`${EXAMPLES_FOLDER}/load_in_kumpas.sh`, kumpasExample],
  [`${EXAMPLES_FOLDER}/request_over_http.py`, httpExample],
] as const;

/** The paths of all examples. */
export const EXAMPLE_FILES: readonly string[] = EXAMPLES.map(([file]) => file);

/** The files of a pack that show how to load the model, by their paths. */
export function exampleFiles(facts: ExampleFacts): ReadonlyMap<string, string> {
  return new Map(EXAMPLES.map(([file, write]) => [file, write(facts)]));
}

/**
 * The examples of the model that a manifest tells of, as this version of Kumpas writes them.
 * @param name of the folder that they lie in.
 */
export function examplesOf({ model, files }: Manifest, name: string, models: ModelDefinitions = ownModels): ReadonlyMap<string, string> {
  const checkpoint = checkpointToLoad(files);
  if (checkpoint === undefined || models.find(model) === undefined)
    throw new Error(`the manifest of ${name} names no model that can be loaded`);
  return exampleFiles({ name, model, checkpoint, architecture: models.get(model).checkpointName });
}

/** The paths of a pack's examples that are not what this version of Kumpas writes. */
export function foreignExamples(manifest: Manifest, models?: ModelDefinitions): string[] {
  const own = [...examplesOf(manifest, manifest.name, models)].map(textFile);
  return own.flatMap(({ path: inner, sha256 }) => {
    const packed = manifest.files.find((file) => file.path === inner);
    return packed?.sha256 === sha256 ? [] : [inner];
  });
}

/** Of the files of a model folder the best checkpoint, else the one to deploy, else the last; undefined where there is none. */
export function checkpointToLoad(files: readonly Pick<CheckedFile, 'path'>[]): string | undefined {
  return (['best', 'production', 'last'] as const)
    .map((role) => files.find(({ path: inner }) => !inner.includes('/') && hasRole(inner, role)))
    .find((file) => file !== undefined)?.path;
}

/** What a manifest tells of a file that holds a text. */
export function textFile([inner, text]: readonly [string, string]): CheckedFile {
  return { path: inner, bytes: Buffer.byteLength(text), sha256: checksumOfText(text) };
}

function pytorchExample({ name, checkpoint, architecture }: ExampleFacts): string {
  return `"""Loads ${name} in PyTorch.

    python load_in_pytorch.py                                what the checkpoint holds
    python load_in_pytorch.py my_models:${architecture}      builds that class of yours and loads the weights into it
"""

import importlib
import inspect
import pathlib
import sys

import torch

file = pathlib.Path(__file__).resolve().parent.parent / "${checkpoint}"
checkpoint = torch.load(file, map_location="cpu", weights_only=True)  # weights_only: nothing in the file is run
config, weights = checkpoint["config"], checkpoint["model"]

print(f"{file.name}: epoch {checkpoint.get('epoch')}, {len(weights)} tensors, {sum(t.numel() for t in weights.values()):,} values")
print({key: value for key, value in config.items() if isinstance(value, (bool, int, float, str))})
print("glosses:", config.get("gloss_labels", "not named"))

if len(sys.argv) > 1:
    sys.path.insert(0, ".")
    module, name = sys.argv[1].split(":")
    model_class = getattr(importlib.import_module(module), name)
    takes = inspect.signature(model_class.__init__).parameters
    model = model_class(**{key: value for key, value in config.items() if key in takes})
    model.load_state_dict(weights)
    model.eval()
    print(f"{name}: the weights fit")
`;
}

function kumpasExample({ name, model }: ExampleFacts): string {
  const given = ownModels.find(model) === undefined ? ` --model "\${MODEL:?give the file that defines ${model}}"` : '';
  return `#!/bin/sh
# From the folder of Kumpas, after: npm run models -- unpack ${name}.tar.gz
set -e
${ownModels.find(model) === undefined ? `# It is a model of one's own: MODEL is the file that defines ${model}, as MODEL=./${model}.ts\n` : ''}npm run predict -- --model-path "trained_models/${model}/${name}" --input "\${1:?give a clip, as clip.npz}" --top-k 3${given}
# For a program, as one JSON document:
npm run --silent predict -- --model-path "trained_models/${model}/${name}" --input "$1" --json${given}
`;
}

function httpExample({ name, model, checkpoint }: ExampleFacts): string {
  const given = ownModels.find(model) === undefined ? ` --model ./${model}.ts` : '';
  return `"""Asks a server of TensorFlow Serving about one clip, over HTTP and JSON.

Kumpas itself has no server: it writes the model in the form that TensorFlow Serving takes, for a fixed number of frames:

    npm run convert -- export trained_models/${model}/${name}/${checkpoint} \\\\
        --format saved-model --frames 100 --out served/1${given}
    docker run -p 8501:8501 -v "$PWD/served:/models/model" tensorflow/serving

    python request_over_http.py clip.npz X 100             prints the request
    python request_over_http.py clip.npz X 100 http://localhost:8501/v1/models/model:predict
"""

import json
import sys
import urllib.request

import numpy

file, key, frames = sys.argv[1], sys.argv[2], int(sys.argv[3])
clip = numpy.load(file)[key].astype("float32")[:frames]
features = numpy.zeros((1, frames, clip.shape[1]), "float32")
mask = numpy.zeros((1, frames), "float32")
features[0, : len(clip)] = clip
mask[0, : len(clip)] = 1
request = json.dumps({"signature_name": "serving_default", "inputs": {"features": features.tolist(), "mask": mask.tolist()}})

if len(sys.argv) > 4:
    sent = urllib.request.Request(sys.argv[4], request.encode(), {"Content-Type": "application/json"})
    print(json.dumps(json.load(urllib.request.urlopen(sent))["outputs"]))
else:
    print(request)
`;
}
