import path from 'node:path';
import { required } from '../../foundation/required';
import { counted, excerpt } from '../../foundation/text';
import type { Split } from '../collections/read-collection';
import type { CheckedClip } from './examined-clip';
import { findingOf, type Finding } from './findings';
import type { SetUnderCheck } from './set-under-check';

/** Fewer training clips of a gloss are noise. */
const FEWEST_CLIPS = 4;
/** A gloss with ten times the clips of another is guessed ten times as often. */
const IMBALANCE = 10;

/** What is odd about labels, classes and signers. */
export function labelFindings(set: SetUnderCheck, clips: readonly CheckedClip[]): Finding[] {
  return [...metaFindings(clips, set), ...signerFindings(set), ...classFindings(set), ...spellingFindings(set)];
}

function metaFindings(clips: readonly CheckedClip[], { names }: SetUnderCheck): Finding[] {
  return clips.flatMap(({ clip, content: { gloss } }) => {
    const label = clip.label === undefined ? undefined : names.gloss[clip.label.gloss];
    if (label === undefined || gloss === undefined || /^gloss \d+$/.test(label) || plainName(label) === plainName(gloss)) return [];
    const text = `its meta says "${excerpt(gloss)}", its label "${excerpt(label)}"`;
    return [findingOf(clip.file, { code: 'label-contradicts-meta', text })];
  });
}

/** Clips by the split that they are in, and which of these are trained on and which judge the training. */
interface SplitCounts {
  readonly trained: number;
  readonly held: number;
}

/** How many of some clips are trained on, or may be, as those of a collection; and how many are held back. */
function countSplits(splits: readonly (Split | undefined)[]): SplitCounts {
  const held = splits.filter((split) => split === 'validation' || split === 'test').length;
  return { trained: splits.length - held, held };
}

function signerFindings({ clips, folder, tables }: SetUnderCheck): Finding[] {
  const splitsOf = new Map<string, (Split | undefined)[]>();
  for (const { signer, split } of clips) if (signer !== undefined) splitsOf.set(signer, [...(splitsOf.get(signer) ?? []), split]);
  return [...splitsOf].flatMap(([signer, splits]) => {
    const { trained, held } = countSplits(splits);
    if (trained === 0 || held === 0) return [];
    const text = `"${excerpt(signer)}" signs ${counted(trained, 'training clip')} and ${counted(held, 'validation clip')}`;
    return [findingOf(tables.get('validation') ?? folder, { code: 'signer-in-both-splits', text })];
  });
}

/** How the clips of the labels are spread over the classes. */
function classFindings({ clips, names, tables, folder }: SetUnderCheck): Finding[] {
  if (tables.size === 0) return [];
  const splitsOf = names.gloss.map((): (Split | undefined)[] => []);
  for (const { label, split } of clips) if (label !== undefined) splitsOf[label.gloss]?.push(split);
  const file = tables.get('train') ?? tables.get(undefined) ?? folder;
  const validationFile = tables.get('validation');
  const findings: Finding[] = [];
  const sizes: { readonly name: string; readonly clips: number }[] = [];
  for (const [id, splits] of splitsOf.entries()) {
    const name = className(names.gloss, id);
    const { trained, held } = countSplits(splits);
    if (splits.length === 0) findings.push(findingOf(file, { code: 'unused-class', text: `${name} has no clip` }));
    else if (trained === 0)
      findings.push(
        findingOf(file, { code: 'class-without-training-clips', text: `${name} has ${counted(held, 'validation clip')} alone` }),
      );
    else if (validationFile !== undefined && held === 0)
      findings.push(
        findingOf(validationFile, {
          code: 'class-without-validation-clips',
          text: `${name} has ${counted(trained, 'training clip')} alone`,
        }),
      );
    if (trained > 0) sizes.push({ name, clips: trained });
    if (trained > 0 && trained < FEWEST_CLIPS) findings.push(findingOf(file, { code: 'few-clips', text: `${name} has ${trained}` }));
  }
  return [...findings, ...imbalanceFindings(sizes, file)];
}

function imbalanceFindings(sizes: readonly { readonly name: string; readonly clips: number }[], file: string): Finding[] {
  const sorted = sizes.toSorted((one, other) => other.clips - one.clips);
  const [most, least] = [sorted[0], sorted.at(-1)];
  if (most === undefined || least === undefined || most.clips < IMBALANCE * least.clips) return [];
  return [findingOf(file, { code: 'imbalance', text: `${most.name} has ${most.clips} training clips, ${least.name} ${least.clips}` })];
}

/** A class as people find it in the tables: `HELLO (3)`. */
function className(names: readonly string[], id: number): string {
  const name = required(names[id], `the name of class ${id}`);
  return name === `gloss ${id}` ? name : `${excerpt(name)} (${id})`;
}

/** Glosses whose names differ by case, width, spaces and the like alone; the very same name in two categories is no slip. */
function spellingFindings({ names, tables, folder, reference }: SetUnderCheck): Finding[] {
  const alike = new Map<string, number[]>();
  for (const [id, name] of names.gloss.entries()) alike.set(plainName(name), [...(alike.get(plainName(name)) ?? []), id]);
  const file = reference === undefined ? (tables.values().next().value ?? folder) : path.join(folder, 'labels_reference.csv');
  return [...alike.values()].flatMap((ids) => {
    const spellings = new Set(ids.map((id) => names.gloss[id]));
    if (spellings.size < 2) return [];
    return [findingOf(file, { code: 'gloss-spellings', text: ids.map((id) => `"${className(names.gloss, id)}"`).join(' and ') })];
  });
}

/** A name without what people write in two ways: case, accents' forms, wide letters, spaces, dashes and underscores. */
function plainName(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s_\-'’.\u200b-\u200d\u2060\ufeff]+/gu, '');
}
