import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeSafetensors } from '../../checkpoint/safetensors';
import { stateDictTensors, type WeightDtype } from '../../checkpoint/state-dict';
import type { PlainRecord } from '../../checkpoint/training-checkpoint';
import { TRANSFORMS_KEY } from '../../data/transforms/pipeline';
import { modelOfFile, inferenceProgram, shownLabels, type LoadedModel } from '../../evaluation/loaded-model';
import type { ModelReading } from '../../evaluation/recognise';
import { keyOf } from '../../evaluation/recogniser';
import { titleOfModel } from '../../folder/named-checkpoint';
import { builtPage } from '../../foundation/built-page';
import { UserError } from '../../foundation/errors';
import { buildFolderInSteps } from '../../foundation/folders';
import { version } from '../../foundation/installation';
import { required } from '../../foundation/required';
import { bytesText, counted } from '../../foundation/text';
import { ownModels } from '../../models/model-table';
import { factsOfKeypoints } from '../../models/saved-keypoints';
import type { ExportedModel } from '../export-checkpoint';
import { checkLogits, DESCRIPTION_FILE, type SiteDescription } from './site-description';
import { samplesOf, type SampleClip } from './site-samples';

export interface SiteRequest {
  /** The checkpoint. */
  readonly file: string;
  readonly dtype: WeightDtype;
  /** The folder to write; undefined for one beside the checkpoint. */
  readonly out: string | undefined;
  /** What the checkpoint may not say of its model, under the names of its config. */
  readonly shape: PlainRecord;
  readonly reading: ModelReading;
  /** Clips that visitors of the page can try it on: files, folders, patterns. */
  readonly samples: readonly string[];
}

const WEIGHTS_FILE = 'weights.safetensors';

/**
 * Writes a folder of static files that recognises signs in a browser, without a server: the page with its script, the weights, and what a prediction needs beside
 * them. The folder is there whole or not at all. TensorFlow must have been started: the page holds what it computes against what this machine does.
 * @throws UserError where the checkpoint cannot be read, its model cannot run in a browser, the place is taken, or a sample cannot be used.
 */
export async function exportSite({ file, dtype, out, shape, reading, samples }: SiteRequest): Promise<ExportedModel> {
  const folder = path.resolve(out ?? path.join(path.dirname(file), 'exports', `${path.parse(file).name}_web`));
  requireVacant(folder);
  const loaded = modelOfFile(file, shape, reading);
  requireForBrowsers(loaded);
  const clips = await samplesOf(loaded, keyOf(loaded, undefined), samples);
  const page = await builtPage('site');
  await buildFolderInSteps(folder, (unfinished) => {
    for (const name of readdirSync(page))
      if (name !== 'made-of.json') cpSync(path.join(page, name), path.join(unfinished, name), { recursive: true });
    if (clips.length > 0) mkdirSync(path.join(unfinished, 'samples'));
    for (const { place, bytes } of clips) writeFileSync(path.join(unfinished, place), bytes);
    const weights = path.join(unfinished, WEIGHTS_FILE);
    writeWeights(weights, loaded, dtype);
    const description = describe(modelOfFile(weights, {}, reading), {
      title: titleOf(loaded),
      key: keyOf(loaded, undefined),
      clips,
      bytes: statSync(weights).size,
      synthetic: loaded.data['synthetic'] === true,
    });
    writeFileSync(path.join(unfinished, DESCRIPTION_FILE), `${JSON.stringify(description, null, 1)}\n`);
    if (existsSync(folder)) rmdirSync(folder);
    return Promise.resolve();
  });
  const told = [...loaded.notes, ...loaded.assumptions.map((assumption) => `the checkpoint does not say: ${assumption} was taken`)];
  const { bytes, lines } = sizesOf(folder, clips);
  return {
    path: out ?? folder,
    bytes,
    content: `a page that recognises signs in a browser, weights in ${dtype}`,
    notes: told,
    sizes: lines,
  };
}

function requireVacant(folder: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) throw new UserError(`${folder}: a file of this name is there; give another folder with --out`);
  const [first] = readdirSync(folder);
  if (first !== undefined) throw new UserError(`${folder}: it holds files already (${first}); give a new or an empty folder with --out`);
}

/** @throws UserError for a model whose code the page does not have, or that is too large for one. */
export function requireForBrowsers({ file, model }: Pick<LoadedModel, 'file' | 'model'>): void {
  const { definition, pictureEncoder } = model;
  if (ownModels.find(definition.name) !== definition)
    throw new UserError(
      `${file}: ${definition.name} is a model of one's own, whose code the page has not; --format web takes ${ownModels.names.join(' and ')}`,
    );
  if (pictureEncoder !== undefined)
    throw new UserError(
      `${file}: it sees pictures through InceptionV3, which is too large for a page; --format web takes models on key points and on features`,
    );
}

function titleOf({ file, model }: LoadedModel): string {
  return titleOfModel(file, model.definition.checkpointName).replace(/\.(?:pt|pth|safetensors)$/, '');
}

/** The weights with what a checkpoint says of its model; nothing of the training, or of the machine it ran on. */
function writeWeights(file: string, loaded: LoadedModel, dtype: WeightDtype): void {
  const { model, weights } = loaded;
  const state = new Map(
    model.parameters.map(({ name, shape, storedAs }) => [
      name,
      { shape, values: required(weights.get(name), `the weights ${name}`), ...(storedAs === undefined ? {} : { storedAs }) },
    ]),
  );
  writeSafetensors(file, stateDictTensors(state, dtype), { format: 'pt', config: JSON.stringify(configOf(loaded)) });
}

function configOf(loaded: LoadedModel): PlainRecord {
  const { model, transforms, keypoints } = loaded;
  const labels = shownLabels(loaded);
  const config = {
    model: model.definition.name,
    ...model.config,
    kumpas_version: version,
    ...(transforms.length === 0 ? {} : { [TRANSFORMS_KEY]: transforms }),
    ...factsOfKeypoints(keypoints),
    gloss_labels: labels.gloss,
    category_labels: labels.category,
  };
  return JSON.parse(JSON.stringify(config)) as PlainRecord;
}

/** @param written the model as its weights were written, which may be rounded. */
function describe(
  written: LoadedModel,
  {
    bytes,
    clips,
    ...said
  }: Pick<SiteDescription, 'title' | 'key' | 'synthetic'> & { readonly bytes: number; readonly clips: readonly SampleClip[] },
): SiteDescription {
  const program = inferenceProgram(written, { mode: 'eager' });
  try {
    return {
      format: 'kumpas-site',
      version: 1,
      ...said,
      config: configOf(written),
      weights: { file: WEIGHTS_FILE, bytes },
      check: checkLogits(program, written),
      samples: clips.map(({ place, name, gloss }) => ({ file: place, name, gloss })),
    };
  } finally {
    program.dispose();
  }
}

/** What the folder takes, and what a visitor loads of it. */
function sizesOf(folder: string, clips: readonly SampleClip[]): { readonly bytes: number; readonly lines: readonly string[] } {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((name) => statSync(name).isFile());
  const sizeOf = (fits: (name: string) => boolean, packed = false): number =>
    files
      .filter((name) => fits(path.relative(folder, name)))
      .reduce((sum, name) => sum + (packed ? gzipSync(readFileSync(name)).length : statSync(name).size), 0);
  const isTensorflow = (name: string): boolean => path.basename(name).startsWith('tensorflow-');
  const isPage = (name: string): boolean => /\.(js|css|html|svg)$/.test(name) && !isTensorflow(name);
  return {
    bytes: sizeOf(() => true),
    lines: [
      `weights ${bytesText(sizeOf((name) => name === WEIGHTS_FILE))}`,
      `page ${bytesText(sizeOf(isPage, true))} and TensorFlow.js ${bytesText(sizeOf(isTensorflow, true))}, as servers send them (gzip)`,
      `WebAssembly ${bytesText(sizeOf((name) => name.endsWith('simd.wasm') || /simd-.*\.wasm$/.test(name), true))}, as servers send it (gzip)`,
      clips.length === 0
        ? 'no sample clips: --samples clips/ would add some'
        : `${counted(clips.length, 'sample clip')} ${bytesText(sizeOf((name) => name.startsWith('samples')))}`,
    ],
  };
}
