import { existsSync } from 'node:fs';
import path from 'node:path';
import { linesOf } from '../../foundation/text';
import { readTextIfThere } from '../../foundation/regular-file';
import { LARGEST_METRICS, readTrainingLog, type TrainingLogRow } from '../../folder/training-log';
import type { CheckpointFit } from './checkpoint-fit';
import { problem, remark, valueOrFault, type FolderFinding } from './finding';

const LOG = 'training_log.txt';
const METRICS = 'metrics.jsonl';
const METRICS_TODO = 'put it back as the training wrote it, or remove it: nothing depends on it';

/** What a folder's logs are held against. */
export interface CheckedLogs {
  readonly folder: string;
  readonly best: CheckpointFit | undefined;
  readonly last: CheckpointFit | undefined;
  /** Whether the folder was made of a checkpoint of another program: its log is as that one wrote it. */
  readonly imported: boolean;
}

/** What is wrong with `training_log.txt` and `metrics.jsonl`. A training that was killed may leave a row that its checkpoint does not know yet. */
export function logFindings(logs: CheckedLogs): FolderFinding[] {
  const { folder, best, last } = logs;
  const file = path.join(folder, LOG);
  if (!existsSync(file)) {
    const trained = best !== undefined || last !== undefined;
    return trained ? [remark(LOG, 'it is not there: no epoch has ended in this folder', 'go on with --resume, or leave it')] : [];
  }
  const read = valueOrFault(() => readTrainingLog(file));
  if ('fault' in read) return [problem(LOG, read.fault, 'put the log back as the training wrote it; the columns are in the guide')];
  const rows = read.value;
  const metrics = valueOrFault(() => metricsEpochs(folder));
  // The rows before it were brought by an import, or by the training that this one went on from.
  const firstOwn = ('value' in metrics ? metrics.value?.[0] : undefined) ?? 0;
  return [
    ...(logs.imported ? [] : rowFindings(rows.filter(({ epoch }) => epoch >= firstOwn))),
    ...(logs.imported ? [] : epochFindings(rows, logs)),
    ...('fault' in metrics ? [problem(METRICS, metrics.fault, METRICS_TODO)] : metricsFindings(metrics.value ?? [], rows)),
  ];
}

function rowFindings(rows: readonly TrainingLogRow[]): FolderFinding[] {
  const broken = rows.find((row) => ![row.gloss_acc, row.cat_acc].every((share) => share >= 0 && share <= 1) || Number.isNaN(row.lr));
  const jump = rows.find((row, index) => index > 0 && row.epoch !== (rows[index - 1]?.epoch ?? 0) + 1);
  const todo = 'it was changed by hand or is damaged; put it back as the training wrote it';
  return [
    ...(broken === undefined ? [] : [problem(LOG, `epoch ${broken.epoch}: expected accuracies from 0 to 1 and a rate`, todo)]),
    ...(jump === undefined ? [] : [problem(LOG, `epoch ${jump.epoch} does not follow the row before it`, todo)]),
  ];
}

function epochFindings(rows: readonly TrainingLogRow[], { best, last }: CheckedLogs): FolderFinding[] {
  const [first] = rows;
  const newest = rows.at(-1);
  if (first === undefined || newest === undefined) return [];
  return [...lastFindings(newest.epoch, last), ...bestFindings(rows, first.epoch, newest.epoch, best)];
}

function lastFindings(newest: number, last: CheckpointFit | undefined): FolderFinding[] {
  if (last?.epoch === undefined || newest === last.epoch) return [];
  if (newest === last.epoch + 1)
    return [
      remark(LOG, `the training was stopped while epoch ${newest} was being saved`, 'npm run train -- --resume does that epoch again'),
    ];
  return [
    problem(
      LOG,
      `its last row is of epoch ${newest}, _last.pt of epoch ${last.epoch}`,
      'one of the two is not of this training: put back the one that belongs here',
    ),
  ];
}

function bestFindings(rows: readonly TrainingLogRow[], first: number, newest: number, best: CheckpointFit | undefined): FolderFinding[] {
  if (best?.epoch === undefined || best.foreign || best.epoch < first) return [];
  if (best.epoch === newest + 1)
    return [
      remark(LOG, `the training was stopped while epoch ${best.epoch} was being saved`, 'npm run train -- --resume does that epoch again'),
    ];
  const row = rows.find(({ epoch }) => epoch === best.epoch);
  const todo = 'one of the two is not of this training: put back the one that belongs here';
  if (row === undefined) return [problem(LOG, `it has no row of epoch ${best.epoch}, which _best.pt holds`, todo)];
  if (best.bestMetric === undefined || !Number.isFinite(best.bestMetric) || Math.abs(row.gloss_acc - best.bestMetric) <= 1e-6) return [];
  return [problem(LOG, `epoch ${best.epoch} has gloss_acc ${row.gloss_acc}, _best.pt says ${best.bestMetric}`, todo)];
}

/** The epoch of each line of the metrics, undefined for a line that is none; undefined where there are no metrics. */
function metricsEpochs(folder: string): (number | undefined)[] | undefined {
  const text = readTextIfThere(path.join(folder, METRICS), LARGEST_METRICS);
  if (text === undefined) return undefined;
  const epochs: (number | undefined)[] = [];
  for (const line of linesOf(text)) if (line.trim() !== '') epochs.push(epochOf(line));
  return epochs;
}

/** Lines of other epochs than the log's, and lines that are none; a last one that was cut off goes when the training goes on. */
function metricsFindings(epochs: readonly (number | undefined)[], rows: readonly TrainingLogRow[]): FolderFinding[] {
  const unreadable = epochs.findIndex((epoch, index) => epoch === undefined && index < epochs.length - 1);
  if (unreadable !== -1) return [problem(METRICS, `line ${unreadable + 1} is no epoch's figures`, METRICS_TODO)];
  const logged = new Set(rows.map(({ epoch }) => epoch));
  const known = epochs.filter((epoch) => epoch !== undefined);
  const stray = known.find((epoch) => !logged.has(epoch));
  if (stray !== undefined) return [problem(METRICS, `it has figures of epoch ${stray}, which the log does not have`, METRICS_TODO)];
  if (new Set(known).size < known.length) return [problem(METRICS, 'it has an epoch twice', METRICS_TODO)];
  const isCut = epochs.length > 0 && epochs.at(-1) === undefined;
  return isCut ? [remark(METRICS, 'its last line was cut off when the training was killed', 'going on with --resume removes it')] : [];
}

function epochOf(line: string): number | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    const epoch = typeof parsed === 'object' && parsed !== null && 'epoch' in parsed ? parsed.epoch : undefined;
    return typeof epoch === 'number' && Number.isInteger(epoch) ? epoch : undefined;
  } catch {
    return undefined;
  }
}
