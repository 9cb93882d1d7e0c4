import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { resolveLayers } from '../../config/resolve';
import { readSettingsFile } from '../../config/settings-file';
import { readEvaluation } from '../../evaluation/results/contents';
import { finishReplacing, isBeingReplaced } from '../../evaluation/results/write-results';
import type { ModelRecord } from '../../folder/config-file';
import { FOLDER_FILES, RESULT_FILES, hasRole, type CheckpointRole } from '../../folder/contents';
import { parseFolderName } from '../../folder/folder-name';
import { ModelFolder } from '../../folder/model-folder';
import { LARGEST_METRICS, metricsLine, readTrainingLog, type TrainingLogRow } from '../../folder/training-log';
import { readTextIfThere } from '../../foundation/regular-file';
import { elementAt } from '../../foundation/required';
import { linesOf } from '../../foundation/text';
import { ownModels, unknownModel } from '../../models/model-table';
import { putCard } from '../card/card';
import { leftoversIn, removeLeftover, removeUnfinished, type Leftover } from '../leftovers';
import type { RegisteredModel } from '../registered-models';
import {
  checkpointsOf,
  unfitFindings,
  problem,
  remark,
  valueOrFault,
  manifestFindings,
  productionFindings,
  releaseProblems,
  type CheckpointFit,
  type FoundCheckpoint,
  type Finding,
  type FolderFinding,
} from './findings';

/** All that is not as the guide has it in one model folder. */
export function checkFolder(root: string, model: RegisteredModel, now: Date): Finding[] {
  const { folder, name } = model;
  const read = valueOrFault(() => new ModelFolder(folder).readConfig());
  const record = 'value' in read ? read.value : undefined;
  if (record !== undefined && isOfUnknownModel(model, record)) return withoutItsCode(model, record, now);
  const fits = checkpointsOf(model, record);
  const at = (role: CheckpointRole): CheckpointFit | undefined => fits.find(({ file }) => !file.includes('/') && hasRole(file, role))?.fit;
  const [best, last] = [at('best'), at('last')];
  const found = [
    ...nameFindings(root, model, record),
    ...('fault' in read
      ? [problem(FOLDER_FILES.config, read.fault, 'put it back; a training or an import writes it')]
      : settingsFindings(model)),
    ...presenceFindings(model, { best, last, fits }),
    ...unfitFindings(fits),
    ...logFindings({ folder, best, last, imported: record?.run.imported_from !== undefined }),
    ...resultFindings(folder, best ?? last),
    ...replacementFindings(folder),
    ...productionFindings(model),
    ...releaseProblems(model, record),
    ...manifestFindings(folder),
    ...leftoversIn(folder).map((unfinished) => unfinishedFinding(folder, unfinished, now)),
  ];
  return found.map((finding) => ({ ...finding, model: name }));
}

/** Whether a folder is of a model of one's own whose code was not given. */
export function isOfUnknownModel({ models = ownModels }: RegisteredModel, { model, run }: ModelRecord): boolean {
  return run.checkpoint_name !== undefined && models.find(model) === undefined;
}

/** What can be held against the guide without the code that defines the model. */
function withoutItsCode(model: RegisteredModel, record: ModelRecord, now: Date): Finding[] {
  const { folder, name } = model;
  const found = [
    remark('', unknownModel(record.model, record.run.model_file), 'without it checksums are looked at, and neither settings nor weights'),
    ...replacementFindings(folder),
    ...productionFindings(model),
    ...releaseProblems(model, record),
    ...manifestFindings(folder),
    ...leftoversIn(folder).map((unfinished) => unfinishedFinding(folder, unfinished, now)),
  ];
  return found.map((finding) => ({ ...finding, model: name }));
}

/** What a killed process left in a model folder. */
function unfinishedFinding(folder: string, found: string, now: Date): FolderFinding {
  const place = path.relative(folder, found).split(path.sep).join('/');
  return problem(place, KILLED, FIX_REMOVES, () => (removeUnfinished(found, now) ? 'removed' : LEFT_ALONE));
}

/** What a killed process left beside one; it is removed under the lock of its own model. */
export function leftoverFinding(parent: string, leftover: Leftover, now: Date): FolderFinding {
  const place = path.relative(parent, leftover.path).split(path.sep).join('/');
  const what = leftover.isLock ? 'the lock of a process that has ended' : KILLED;
  const mend = (): string => (removeLeftover(leftover, now) ? 'removed' : LEFT_ALONE);
  return { ...problem(place, what, FIX_REMOVES, mend), locksItself: true };
}

const KILLED = 'a process that was killed left it';
const FIX_REMOVES = '--fix removes it';
const LEFT_ALONE = 'left alone: somebody is writing it, or was a moment ago; check again later';

function nameFindings(
  root: string,
  { name, folder, models = ownModels }: RegisteredModel,
  record: ModelRecord | undefined,
): FolderFinding[] {
  const own = record === undefined ? undefined : models.find(record.model)?.name;
  const parsed = parseFolderName(name, own === undefined ? models.names : [own, ...models.names]);
  const parent = path.dirname(folder);
  const isAtTop = path.resolve(parent) === path.resolve(root);
  const typeFolder = path.basename(parent);
  const rename = 'rename the folder, as the guide says';
  return [
    ...(parsed === undefined ? [problem('', 'expected a name like {model_type}_{description}_{MM-DD}', rename)] : []),
    ...(parsed !== undefined && record !== undefined && parsed.type !== record.model
      ? [problem('', `its name says ${parsed.type}, config.json says ${record.model}`, rename)]
      : []),
    ...(isAtTop && record !== undefined
      ? [remark('', `it lies outside of a folder ${record.model}/`, `move it into ${path.join(root, record.model)}`)]
      : []),
    ...(!isAtTop && record !== undefined && typeFolder !== record.model
      ? [problem('', `it lies in ${typeFolder}/, config.json says ${record.model}`, `move it into ${path.join(root, record.model)}`)]
      : []),
    ...(record !== undefined && record.run.name !== name
      ? [
          problem(
            FOLDER_FILES.config,
            `its run.name is ${JSON.stringify(record.run.name)}: the folder was renamed`,
            '--fix writes the new name',
            () => {
              new ModelFolder(folder).recordName(name, folder);
              return 'run.name is the name of the folder now';
            },
          ),
        ]
      : []),
  ];
}

/** Settings that `--config` would refuse. */
function settingsFindings({ folder, models = ownModels }: RegisteredModel): FolderFinding[] {
  const file = new ModelFolder(folder).config;
  const read = valueOrFault(() => resolveLayers([readSettingsFile(file)], models));
  return 'fault' in read ? [problem(FOLDER_FILES.config, read.fault, 'mend the settings, or put the file back')] : [];
}

interface Found {
  readonly best: CheckpointFit | undefined;
  readonly last: CheckpointFit | undefined;
  readonly fits: readonly FoundCheckpoint[];
}

function presenceFindings(model: RegisteredModel, { best, last, fits }: Found): FolderFinding[] {
  const { folder } = model;
  const has = (name: string): boolean => existsSync(path.join(folder, name));
  const trained = has(FOLDER_FILES.log);
  const bests = fits.filter(({ file }) => !file.includes('/') && hasRole(file, 'best'));
  return [
    ...(bests.length > 1
      ? [problem('', `several checkpoints end in _best.pt: ${bests.map(({ file }) => file).join(', ')}`, 'keep the one that belongs here')]
      : []),
    ...(best === undefined && last === undefined && trained
      ? [problem('', 'it holds no checkpoint, neither _best.pt nor _last.pt', 'put it back, or remove the folder')]
      : []),
    ...(best === undefined && last === undefined && !trained
      ? [
          remark(
            '',
            'nothing was trained here yet: the training was stopped before its first state was saved',
            'remove the folder, and train again',
          ),
        ]
      : []),
    ...(best === undefined && last !== undefined
      ? [
          remark(
            '',
            'it holds no _best.pt: no epoch here was better than what the training went on from',
            'go on with --resume, or use _last.pt',
          ),
        ]
      : []),
    ...(!has(FOLDER_FILES.readme) && best !== undefined && trained && has(FOLDER_FILES.config)
      ? [
          problem(FOLDER_FILES.readme, 'it is missing', '--fix writes one; npm run evaluate tells more', () => {
            putCard(model);
            return 'written, from config.json and the figures';
          }),
        ]
      : []),
  ];
}

/** Folders of results in which new ones had not all taken the places of old ones when a process was killed. */
function replacementFindings(folder: string): FolderFinding[] {
  const folders = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && entry.name.startsWith(FOLDER_FILES.results),
  );
  return folders
    .filter(({ name }) => isBeingReplaced(path.join(folder, name)))
    .map(({ name }) =>
      problem(name, 'a process was killed while the files of an evaluation took their places', '--fix lets the others follow', () => {
        finishReplacing(path.join(folder, name));
        return 'all of them are in their places now';
      }),
    );
}

function resultFindings(folder: string, model: CheckpointFit | undefined): FolderFinding[] {
  const place = `${FOLDER_FILES.results}/${RESULT_FILES.document}`;
  const again = `evaluate it again: npm run evaluate -- --model-path ${folder}`;
  if (!existsSync(new ModelFolder(folder).results) || isBeingReplaced(new ModelFolder(folder).results)) return [];
  if (!existsSync(path.join(folder, place))) return [remark(FOLDER_FILES.results, 'an evaluation was stopped before it had ended', again)];
  const read = valueOrFault(() => readEvaluation(path.join(folder, place)));
  if ('fault' in read) return [problem(place, read.fault, again)];
  const { epoch } = read.value;
  if (model?.epoch === undefined || epoch === undefined || epoch === null || epoch === model.epoch) return [];
  return [remark(place, `it is of epoch ${epoch}, the checkpoint of epoch ${model.epoch}: the figures are older`, again)];
}

const METRICS_TODO = 'put it back as the training wrote it, or remove it: nothing depends on it';

/** What a folder's logs are held against. */
interface CheckedLogs {
  readonly folder: string;
  readonly best: CheckpointFit | undefined;
  readonly last: CheckpointFit | undefined;
  /** Whether the folder was made of a checkpoint of another program: its log is as that one wrote it. */
  readonly imported: boolean;
}

/** What is wrong with `training_log.txt` and `metrics.jsonl`. A training that was killed may leave a row that its checkpoint does not know yet. */
function logFindings(logs: CheckedLogs): FolderFinding[] {
  const { folder, best, last } = logs;
  const file = new ModelFolder(folder).log;
  if (!existsSync(file)) {
    const trained = best !== undefined || last !== undefined;
    return trained
      ? [remark(FOLDER_FILES.log, 'it is not there: no epoch has ended in this folder', 'go on with --resume, or leave it')]
      : [];
  }
  const read = valueOrFault(() => readTrainingLog(file));
  if ('fault' in read)
    return [problem(FOLDER_FILES.log, read.fault, 'put the log back as the training wrote it; the columns are in the guide')];
  const rows = read.value;
  const metrics = valueOrFault(() => metricsEpochs(folder));
  // The rows before it were brought by an import, or by the training that this one went on from.
  const firstOwn = ('value' in metrics ? metrics.value?.[0] : undefined) ?? 0;
  return [
    ...(logs.imported ? [] : rowFindings(rows.filter(({ epoch }) => epoch >= firstOwn))),
    ...(logs.imported ? [] : epochFindings(rows, logs)),
    ...('fault' in metrics ? [problem(FOLDER_FILES.metrics, metrics.fault, METRICS_TODO)] : metricsFindings(metrics.value ?? [], rows)),
  ];
}

function rowFindings(rows: readonly TrainingLogRow[]): FolderFinding[] {
  const broken = rows.find((row) => ![row.gloss_acc, row.cat_acc].every((share) => share >= 0 && share <= 1) || Number.isNaN(row.lr));
  const jump = rows.find((row, index) => index > 0 && row.epoch !== elementAt(rows, index - 1).epoch + 1);
  const todo = 'it was changed by hand or is damaged; put it back as the training wrote it';
  return [
    ...(broken === undefined ? [] : [problem(FOLDER_FILES.log, `epoch ${broken.epoch}: expected accuracies from 0 to 1 and a rate`, todo)]),
    ...(jump === undefined ? [] : [problem(FOLDER_FILES.log, `epoch ${jump.epoch} does not follow the row before it`, todo)]),
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
      remark(
        FOLDER_FILES.log,
        `the training was stopped while epoch ${newest} was being saved`,
        'npm run train -- --resume does that epoch again',
      ),
    ];
  return [
    problem(
      FOLDER_FILES.log,
      `its last row is of epoch ${newest}, _last.pt of epoch ${last.epoch}`,
      'one of the two is not of this training: put back the one that belongs here',
    ),
  ];
}

function bestFindings(rows: readonly TrainingLogRow[], first: number, newest: number, best: CheckpointFit | undefined): FolderFinding[] {
  if (best?.epoch === undefined || best.foreign || best.epoch < first) return [];
  if (best.epoch === newest + 1)
    return [
      remark(
        FOLDER_FILES.log,
        `the training was stopped while epoch ${best.epoch} was being saved`,
        'npm run train -- --resume does that epoch again',
      ),
    ];
  const row = rows.find(({ epoch }) => epoch === best.epoch);
  const todo = 'one of the two is not of this training: put back the one that belongs here';
  if (row === undefined) return [problem(FOLDER_FILES.log, `it has no row of epoch ${best.epoch}, which _best.pt holds`, todo)];
  if (best.bestMetric === undefined || !Number.isFinite(best.bestMetric) || Math.abs(row.gloss_acc - best.bestMetric) <= 1e-6) return [];
  return [problem(FOLDER_FILES.log, `epoch ${best.epoch} has gloss_acc ${row.gloss_acc}, _best.pt says ${best.bestMetric}`, todo)];
}

/** The epoch of each line of the metrics, undefined for a line that is none; undefined where there are no metrics. */
function metricsEpochs(folder: string): (number | undefined)[] | undefined {
  const text = readTextIfThere(new ModelFolder(folder).metrics, LARGEST_METRICS);
  if (text === undefined) return undefined;
  const epochs: (number | undefined)[] = [];
  for (const line of linesOf(text)) {
    const { epoch, incident } = metricsLine(line);
    if (line.trim() !== '' && incident === undefined) epochs.push(Number.isInteger(epoch) ? epoch : undefined);
  }
  return epochs;
}

/** Lines of other epochs than the log's, and lines that are none; a last one that was cut off goes when the training goes on. */
function metricsFindings(epochs: readonly (number | undefined)[], rows: readonly TrainingLogRow[]): FolderFinding[] {
  const unreadable = epochs.findIndex((epoch, index) => epoch === undefined && index < epochs.length - 1);
  if (unreadable !== -1) return [problem(FOLDER_FILES.metrics, `line ${unreadable + 1} is no epoch's figures`, METRICS_TODO)];
  const logged = new Set(rows.map(({ epoch }) => epoch));
  const known = epochs.filter((epoch) => epoch !== undefined);
  const stray = known.find((epoch) => !logged.has(epoch));
  if (stray !== undefined)
    return [problem(FOLDER_FILES.metrics, `it has figures of epoch ${stray}, which the log does not have`, METRICS_TODO)];
  if (new Set(known).size < known.length) return [problem(FOLDER_FILES.metrics, 'it has an epoch twice', METRICS_TODO)];
  const isCut = epochs.length > 0 && epochs.at(-1) === undefined;
  return isCut
    ? [remark(FOLDER_FILES.metrics, 'its last line was cut off when the training was killed', 'going on with --resume removes it')]
    : [];
}
