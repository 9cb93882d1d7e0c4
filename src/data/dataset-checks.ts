import path from 'node:path';
import { excerpt } from '../foundation/text';
import type { LabelNames } from './clip-set';
import type { DataProblem } from './data-error';
import type { FingerprintedClip } from './fingerprint';
import type { LabelReference } from './label-reference';
import type { LocatedClip } from './locate-clips';

/** Ids of a clip's label that have no class. */
export function idProblems({ label, labelsFile }: LocatedClip, names: LabelNames): DataProblem[] {
  const check = (column: string, id: number, classes: number, flag: string): DataProblem[] => {
    if (id < classes) return [];
    const problem = `line ${label.line}: ${column} ${id} is out of range, there are ${classes} classes (0–${classes - 1}); correct it or give ${flag}`;
    return [{ file: labelsFile, problem }];
  };
  return [
    ...check('gloss', label.gloss, names.gloss.length, '--num-gloss'),
    ...check('cat', label.category, names.category.length, '--num-cat'),
  ];
}

/** Clips that are in both splits. */
export function overlapProblems(train: readonly LocatedClip[], validation: readonly LocatedClip[]): DataProblem[] {
  const trained = new Map(train.flatMap((clip) => [clip.label.name, clip.file].map((key) => [key, clip] as const)));
  return validation.flatMap(({ label, labelsFile, file }) => {
    const other = trained.get(label.name) ?? trained.get(file);
    if (other === undefined) return [];
    const place = `${path.basename(other.labelsFile)} (line ${other.label.line})`;
    const problem = `line ${label.line}: clip "${excerpt(label.name)}" is in ${place} too; a clip is for training or for validation`;
    return [{ file: labelsFile, problem }];
  });
}

/** What is odd in a set that can be used all the same, a line each: most often a slip in its making. */
export function dataWarnings(
  labelled: readonly LocatedClip[],
  reference: LabelReference | undefined,
  fingerprinted: readonly FingerprintedClip[],
  { outsideUnit, allZero }: { readonly outsideUnit: readonly string[]; readonly allZero: readonly string[] },
): string[] {
  const warnings: string[] = [];
  const otherCase = labelled.filter((clip) => clip.otherCase);
  if (otherCase[0]) {
    const { label, labelsFile, file } = otherCase[0];
    const pair = `${labelsFile} line ${label.line} has "${excerpt(label.name)}", the file is ${path.basename(file)}`;
    warnings.push(`${otherCase.length} of ${labelled.length} clips are named in another case than their files (the first: ${pair})`);
  }
  if (allZero[0] !== undefined) {
    const advice = 'no key point in any frame; remove them or make them again';
    warnings.push(`${allZero.length} of ${labelled.length} clips hold nothing but zeros (the first: ${allZero[0]}): ${advice}`);
  }
  if (outsideUnit[0] !== undefined) {
    warnings.push(`${outsideUnit.length} of ${labelled.length} clips hold numbers outside [0, 1] (the first: ${outsideUnit[0]})`);
  }
  const otherCategory = labelled.filter(({ label }) => (reference?.categoryOfGloss[label.gloss] ?? label.category) !== label.category);
  if (otherCategory[0]) {
    const { label, labelsFile } = otherCategory[0];
    const said = `${labelsFile} line ${label.line}: gloss ${label.gloss} with category ${label.category}`;
    warnings.push(
      `${otherCategory.length} of ${labelled.length} clips have a category other than labels_reference.csv gives their gloss (the first: ${said})`,
    );
  }
  const trained = new Map(fingerprinted.filter(({ split }) => split === 'train').map(({ digest, name }) => [digest, name]));
  const leaked = fingerprinted.filter(({ split, digest }) => split === 'validation' && trained.has(digest));
  if (leaked[0]) {
    const pair = `the first: "${leaked[0].name}" and "${trained.get(leaked[0].digest) ?? ''}"`;
    warnings.push(
      `validation clips with exactly the values of a training clip: ${leaked.length} (${pair}); the figures will look too good`,
    );
  }
  return warnings;
}
