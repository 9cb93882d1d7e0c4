import type { PlainRecord } from '../checkpoint/training-checkpoint';
import type { Dataset } from '../data/clip-set';
import { classDifferences, isUnnamed, type ClassKind } from '../evaluation/class-differences';
import { recordAt, savedLabels, shownLabels } from '../evaluation/load-model';
import { UserError } from '../foundation/errors';
import type { TrainingReporter } from './events';
import type { ResumePoint } from './resume';

/**
 * The data of a resumed run under the run's own names: a class id keeps its meaning from the first epoch to the last. Data that names no classes takes the
 * run's names, a run without names those of its data.
 * @throws UserError where the data has other classes, with the first differences.
 */
export function withClassesOfRun(resume: ResumePoint, dataset: Dataset): Dataset {
  const { file, checkpoint, model } = resume;
  const saved = savedLabels(checkpoint.config, model);
  const labels = shownLabels({ labels: saved, model });
  const found = dataset.givenLabels ?? dataset.labels;
  const problems = classDifferences({ labels, known: saved !== undefined, calledBy: 'the run' }, found);
  if (problems.length > 0) {
    const said = `--resume ${file}: the run was trained on other classes than ${dataset.title} has`;
    const todo = `give data with its own classes, or begin a new training with its weights: --init-from ${file}`;
    throw new UserError([`${said}; ${todo}`, ...problems].join('\n'));
  }
  const named = (kind: ClassKind): string[] =>
    labels[kind].map((label, id) => (isUnnamed(kind, label, id) ? (found[kind][id] ?? label) : label));
  return { ...dataset, labels: { gloss: named('gloss'), category: named('category') } };
}

/** What the data of a resumed run is to the data that it was trained on so far. */
export interface DataComparison {
  /** Whether the validation clips are others, so that accuracies before and after say nothing of each other. */
  readonly otherValidation: boolean;
}

/** Compares the data of a resumed run with what its checkpoint tells of the data so far, and says in a line where it is not the same. */
export function compareWithEarlierData(resume: ResumePoint, dataset: Dataset, reporter: TrainingReporter): DataComparison {
  const { file } = resume;
  const { title, fingerprint, validationFingerprint } = dataset;
  const { whole, validation } = earlierFingerprints(resume.checkpoint.config);
  if (whole === undefined && validation === undefined) {
    reporter.report({ kind: 'note', text: `note: ${file} does not say on which data it was trained: ${title} is taken to be the same` });
    return { otherValidation: false };
  }
  if (whole === fingerprint) return { otherValidation: false };
  const said = `${title} is not the data that ${file} was trained on so far (fingerprint ${fingerprint.slice(0, 12)}, then ${whole?.slice(0, 12) ?? 'unknown'})`;
  // A checkpoint of before they were recorded does not tell: then its figures cannot be compared with any here.
  const otherValidation = validation !== validationFingerprint;
  const follows = otherValidation
    ? 'its validation clips are others: the training goes on in a new folder, and its best epoch is found anew there'
    : 'its validation clips are the same: the best epoch stays what must be beaten';
  reporter.report({ kind: 'warning', text: `${said}; ${follows}` });
  return { otherValidation };
}

function earlierFingerprints(config: PlainRecord): { readonly whole: string | undefined; readonly validation: string | undefined } {
  const { fingerprint, validation_fingerprint: validation } = recordAt(config, 'data');
  const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return { whole: textOf(fingerprint), validation: textOf(validation) };
}
