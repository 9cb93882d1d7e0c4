import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Dataset } from '../../data/clip-set';
import { DataError, type DataProblem } from '../../data/data-error';
import { locateData, type SplitPaths } from '../../data/locate-data';
import { readLabels } from '../../data/labels';
import { locateClips } from '../../data/locate-data';
import { openData, type DataRequest } from '../../data/open-clips';
import { pictureClip } from '../../data/pictures';
import type { ParameterValues } from '../../engine/parameters';
import { keepFolder, makeFolders } from '../../foundation/folders';
import type { Model } from '../../models/model';
import { PictureFeatures } from './picture-features';
import { extractFeatures, FEATURE_KEY } from './extract-features';

/** {@link openEncodedData} with the picture encoder of a model. @throws Error where it has none: a bug. */
export async function openAsFeatures(
  request: DataRequest,
  { pictureEncoder }: Model,
  weights: ParameterValues,
  cache: string,
): Promise<Dataset> {
  if (pictureEncoder === undefined) throw new Error('the model has no encoder of pictures');
  const features = new PictureFeatures(pictureEncoder, weights, { mode: 'captured' });
  try {
    return await openEncodedData(request, features, cache);
  } finally {
    features.dispose();
  }
}

/**
 * Opens clips of pictures as clips of features: those are computed once and kept in a folder, where the next opening finds them.
 * @throws DataError with everything that is wrong with the clips.
 */
async function openEncodedData(request: DataRequest, features: PictureFeatures, cache: string): Promise<Dataset> {
  const { source } = request;
  if (source === undefined) return openData(request);
  const located = await locateData(source, request.layout, request.needTrain);
  const folderOf = ({ folder }: SplitPaths): string =>
    path.join(cache, features.digest, createHash('sha256').update(path.resolve(folder)).digest('hex').slice(0, 16));
  const problems: DataProblem[] = [];
  for (const split of [located.train, located.validation]) {
    if (split !== undefined) problems.push(...(await encodeSplit(split, folderOf(split), request, features)));
  }
  if (problems.length > 0) throw new DataError(problems);
  const dataset = await openData({
    ...request,
    key: FEATURE_KEY,
    width: features.encoder.width,
    source: {
      keypoints_train: located.train && folderOf(located.train),
      keypoints_val: folderOf(located.validation),
      labels_train_csv: located.train?.labels,
      labels_val_csv: located.validation.labels,
      labels_reference: located.reference,
    },
  });
  return { ...dataset, title: located.title };
}

async function encodeSplit(
  split: SplitPaths,
  folder: string,
  { key, onProgress }: DataRequest,
  features: PictureFeatures,
): Promise<DataProblem[]> {
  const { labels } = await readLabels(split.labels); // What is wrong with the table is told when the features are opened.
  const problems: DataProblem[] = [];
  const clips = [];
  const located = await locateClips(split.folder, split.labels, labels);
  for (const { label, file, missing } of located.clips) {
    const clip = await pictureClip(file);
    if (missing === undefined && existsSync(clip)) clips.push({ name: label.name, path: clip });
    else
      problems.push({
        file: clip.replace(/\.npz$/, ''),
        problem: `no such clip, neither a folder of pictures nor an .npz, though ${path.basename(split.labels)} names it (line ${label.line}); ${missing?.advice ?? 'add it or remove the line'}`,
      });
  }
  makeFolders(folder);
  const place = keepFolder(folder);
  try {
    const { problems: unusable } = await extractFeatures(clips, features, {
      framesKey: key,
      fileOf: ({ name }) => path.join(folder, `${name}.npz`),
      place,
      onProgress: ({ done, clips: total }) => {
        onProgress?.(done, total);
      },
    });
    return [...located.problems, ...problems, ...unusable];
  } finally {
    place.release();
  }
}
