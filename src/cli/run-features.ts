import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { startRuntime } from '../engine/runtime';
import { encoderOfFile, fetchedBackbone, PictureFeatures } from '../evaluation/frame-features/picture-features';
import { extractFeatures, type ExtractionResult, listPictureClips, type PictureClip } from '../evaluation/frame-features/extract-features';
import { replaceFile } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { keepFolder, makeFolders } from '../foundation/folders';
import type { Terminal } from './terminal';
import { ExtractionBar } from './progress';
import { secondsText } from './quantities';

export interface FeaturesRequest {
  readonly frames: string;
  readonly out: string;
  readonly backbone: string | undefined;
  readonly framesKey: string;
  readonly transformInput: boolean | undefined;
  readonly json: boolean;
  readonly verbose: boolean;
}

/**
 * Computes the features of a folder of clips, showing it in the terminal.
 * @returns the process's exit code: 1 where a clip could not be used.
 */
export async function runFeatures(request: FeaturesRequest, terminal: Terminal): Promise<number> {
  const clips = clipsOf(request.frames);
  const file = request.backbone ?? fetchedBackbone(process.env);
  if (file === undefined) {
    throw new UserError(
      "--backbone is missing: give InceptionV3's weights as torchvision saves them; docs/inception.md tells where to get them",
    );
  }
  const { encoder, weights } = encoderOfFile(file, request.transformInput);
  const runtime = await startRuntime({ verbose: request.verbose });
  if (runtime.warning !== undefined) terminal.errors.write(`warning: ${runtime.warning}\n`);
  if (!request.json)
    terminal.output.write(`${encoder.identity}\n  weights  ${file}\n  device   ${runtime.device}\n  clips    ${clips.length}\n`);
  makeFolders(request.out);
  const place = keepFolder(request.out);
  const features = new PictureFeatures(encoder, weights, { mode: 'captured' });
  const bar = new ExtractionBar(request.json ? terminal.errors : terminal.output);
  const started = performance.now();
  try {
    const result = await extractFeatures(clips, features, {
      framesKey: request.framesKey,
      place,
      fileOf: ({ name }) => path.join(request.out, `${placeOf(name)}.npz`),
      onProgress: (progress) => {
        bar.show(progress);
      },
      onProblem: ({ file: bad, problem }) => {
        bar.clear();
        terminal.errors.write(`${bad}: ${problem}\n`);
      },
    });
    bar.clear();
    place.requireThere();
    copyLabels(request.frames, request.out);
    terminal.output.write(
      request.json ? jsonText(request, file, result) : plainText(request, result, (performance.now() - started) / 1000),
    );
    return result.problems.length === 0 ? 0 : 1;
  } finally {
    features.dispose();
    place.release();
  }
}

/** A data folder of frames becomes one of features. */
const PLACES: Readonly<Record<string, string>> = { frames_train: 'features_train', frames_val: 'features_val' };

function placeOf(name: string): string {
  const [first = '', ...rest] = name.split('/');
  return rest.length === 0 ? name : [PLACES[first] ?? first, ...rest].join('/');
}

function clipsOf(folder: string): PictureClip[] {
  const clips = listPictureClips(folder);
  if (clips.length === 0)
    throw new UserError(`--frames ${folder}: no clip is in it; expected an .npz, or a folder of .jpg or .png pictures, for each clip`);
  const twice = clips.find(({ name }, place) => clips[place + 1]?.name === name);
  if (twice !== undefined) throw new UserError(`--frames ${folder}: there are two clips "${twice.name}", an .npz and a folder; keep one`);
  return clips;
}

/** The tables of a data folder are those of its features too. */
function copyLabels(from: string, to: string): void {
  for (const name of readdirSync(from).filter((entry) => entry.endsWith('.csv') && statSync(path.join(from, entry)).isFile())) {
    const copy = path.join(to, name);
    if (existsSync(copy)) continue;
    const bytes = readFileSync(path.join(from, name));
    replaceFile(copy, (append) => {
      append(bytes);
    });
  }
}

function plainText({ out }: FeaturesRequest, { computed, skipped, frames, problems }: ExtractionResult, seconds: number): string {
  const lines = [
    `${computed} clips computed, ${skipped} were there already, ${problems.length} could not be used`,
    ...(frames === 0 ? [] : [`${frames} frames in ${secondsText(seconds)}, ${(frames / seconds).toFixed(1)} a second`]),
    out,
  ];
  return `${lines.join('\n')}\n`;
}

function jsonText({ frames: from, out }: FeaturesRequest, backbone: string, result: ExtractionResult): string {
  return `${JSON.stringify({ from, out, backbone, ...result }, null, 2)}\n`;
}
