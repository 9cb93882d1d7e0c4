import type { Options } from '../../config/layers';
import { option, requiredOption, text } from '../../config/setting';
import type { Hooks } from '../../foundation/hooks';
import { required } from '../../foundation/required';
import type { LabelNames } from '../clip-set';
import { examineClips } from './examine-clips';
import type { CheckedClip } from './examined-clip';
import { countFindings, findingOf, inOrder, type Finding, type FindingCounts } from './findings';
import { setFindings } from './set-findings';
import { openSet, type SetUnderCheck } from './set-under-check';

/** The options of the library's `validateSet` and `setStatistics`, each a flag of the commands. */
export const setOptions = {
  data: requiredOption(
    { ...text('the path of a folder'), expected: 'the folder of a set' },
    { group: 'Data', description: 'A set as train takes it, a collection that is not split yet, or a folder of clips.' },
  ),
  kp_key: option(
    text('the name of an array'),
    { group: 'Data', description: 'The array in each .npz that holds the values.' },
    'X, of features X2048',
  ),
} as const;

/** Options of {@link validateSet}. */
export type SetOptions = Options<typeof setOptions>;

/** Clips of a set that were read and checked, and everything that was found. */
export interface ExaminedSet {
  readonly set: SetUnderCheck;
  /** Those whose values can be used. */
  readonly clips: readonly CheckedClip[];
  readonly findings: readonly Finding[];
}

/** What {@link validateSet} found. */
export interface Validation {
  /** The folder. */
  readonly data: string;
  /** A set as `train --data` takes it, a collection that is not split, or clips without labels. */
  readonly kind: SetUnderCheck['kind'];
  /** Clips that are there, and how many of them are to train on and to validate. */
  readonly clips: { readonly all: number; readonly train: number; readonly validation: number; readonly unusable: number };
  readonly frames: number;
  readonly labels: LabelNames;
  /** Errors first. */
  readonly findings: readonly Finding[];
  readonly counts: FindingCounts;
}

/**
 * Checks a set of clips: its folders and tables, every file, and the clips beside each other. Nothing is changed. What is wrong or doubtful comes back as findings,
 * each with a stable code, a severity, its files, what was found and what to do.
 *
 * ```ts
 * const { findings } = await validateSet({ data: 'clips/' });
 * const broken = findings.filter(({ severity }) => severity === 'error');
 * ```
 * @throws UserError where there is no such folder, or nothing in it that could be checked.
 */
export async function validateSet(options: SetOptions, hooks: Hooks = {}): Promise<Validation> {
  return validationOf(await examineSet(options, hooks));
}

/** What is told of a set that was examined. */
export function validationOf({ set, clips, findings }: ExaminedSet): Validation {
  const count = (split: string): number => set.clips.filter((clip) => clip.split === split).length;
  return {
    data: set.folder,
    kind: set.kind,
    clips: { all: set.clips.length, train: count('train'), validation: count('validation'), unusable: set.clips.length - clips.length },
    frames: clips.reduce((sum, { content: { frames } }) => sum + frames, 0),
    labels: set.names,
    findings,
    counts: countFindings(findings),
  };
}

/** Opens a set, reads and checks every clip, and looks at them together. */
export async function examineSet({ data, kp_key: key }: SetOptions, { onEvent, signal }: Hooks = {}): Promise<ExaminedSet> {
  const set = await openSet(data, key);
  const files = set.clips.map(({ file }) => file);
  const onProgress = (done: number, total: number): void => onEvent?.({ kind: 'clips-read', done, total });
  const examined = await examineClips(files, set.format, { signal, onProgress });
  const alone = examined.flatMap(({ findings }, place) =>
    findings.map((finding) => findingOf(required(files[place], 'the file of a clip'), finding)),
  );
  const clips = examined.flatMap(({ content }, place): CheckedClip[] =>
    content === undefined ? [] : [{ clip: required(set.clips[place], 'a clip of the set'), content }],
  );
  return { set, clips, findings: inOrder([...set.findings, ...alone, ...setFindings(set, clips)]) };
}
