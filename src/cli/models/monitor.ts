import { startRuntime } from '../../engine/runtime';
import type { EvaluationDataRequest } from '../../evaluation/evaluate';
import { HEADS } from '../../evaluation/result';
import { UserError } from '../../foundation/errors';
import { percent, signedPoints } from '../../foundation/text';
import { isDrop, type HeadChange } from '../../zoo/monitor/history';
import { monitorModel, retrainingOf, type Monitored, type Retraining, type WatchedCheckpoint } from '../../zoo/monitor/monitor-model';
import { findModelOrRelease, placeOf, type ModelReference } from '../../zoo/registered-models';
import { plainCommand, type Command } from '../command';
import { dataFlags, labelledDataOf, commonFlags, jsonFlag, type FlagTable } from '../flags';
import { modelsGiven, onlyName, registryFlags, rootOf, modelsOf, ownModelFlag } from '../model-flags';
import { dataWatch } from '../progress';
import { runTraining } from '../run-training';
import type { Terminal } from '../terminal';

const MONITOR = 'npm run models -- monitor';

const monitorFlags = {
  retrain: {
    type: 'boolean',
    group: 'Monitor:',
    description: 'After a drop, train anew with the model’s own settings on --data, in a new folder.',
  },
  'fail-if-worse': { type: 'boolean', group: 'Monitor:', description: 'Exit with 2 after a drop.' },
  data: {
    string: true,
    group: 'Data:',
    description: 'New labelled clips: a folder laid out as for training, its validation clips are evaluated.',
  },
  ...dataFlags,
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models monitor`. */
export const monitorCommand: Command = plainCommand(
  {
    command: MONITOR,
    takes: 'NAME',
    summary:
      'Evaluates a model on new data: NAME@1.0.0, or of NAME the last release, else the production checkpoint, else the best. Writes performance_history.csv and .png, and warns of a drop that chance would not explain.',
    flags: monitorFlags,
    examples: [
      [`${MONITOR} transformer_baseline_09-20 --data november/`, 'a row in its history'],
      [`${MONITOR} transformer_baseline_09-20@1.0.0 --data november/ --fail-if-worse`, 'for a schedule: exits with 2 after a drop'],
      [`${MONITOR} transformer_baseline_09-20 --data november/ --retrain`, 'and trains anew if it dropped'],
    ],
  },
  async (typed, terminal, positionals) => {
    const named = findModelOrRelease(rootOf(typed), onlyName(positionals, MONITOR), modelsOf(typed));
    const data = labelledDataOf(typed);
    if (data.data === undefined && data.keypoints_val === undefined && data.labels_val_csv === undefined)
      throw new UserError(`${MONITOR}: on which data? give --data, or --keypoints-val and --labels-val-csv`);
    return await runMonitoring(
      {
        named,
        modelFile: modelsGiven(typed['model']).given?.file,
        ...data,
        retrain: typed['retrain'] === true,
        failIfWorse: typed['fail-if-worse'] === true,
        json: typed['json'] === true,
        verbose: typed['verbose'] === true,
      },
      terminal,
    );
  },
);

/** The exit code for a drop that was to be told so. */
const DROP_EXIT_CODE = 2;

export interface MonitoringRequest extends EvaluationDataRequest {
  readonly named: ModelReference;
  /** The file of a model of one's own that `--model` named. */
  readonly modelFile?: string | undefined;
  readonly batchSize: number;
  readonly retrain: boolean;
  readonly failIfWorse: boolean;
  readonly json: boolean;
  readonly verbose: boolean;
}

type Found = Monitored & { readonly checkpoint: WatchedCheckpoint };

/**
 * Evaluates a model on new data, writes its history and says what that means; trains it anew after a drop where that was asked for.
 * @returns the process's exit code: 2 after a drop where the request says so, else that of the training.
 */
export async function runMonitoring(request: MonitoringRequest, terminal: Terminal): Promise<number> {
  const { named, data } = request;
  if (request.retrain && data === undefined) throw new UserError('--retrain: a training needs a whole data folder; give it with --data');
  const runtime = await startRuntime({ verbose: request.verbose });
  if (runtime.warning !== undefined) terminal.errors.write(`warning: ${runtime.warning}\n`);
  const found = await monitorModel(named, { ...request, now: () => new Date() }, dataWatch(terminal));
  const retraining = data === undefined ? undefined : retrainingOf(named.model, data);
  const dropped = HEADS.some((head) => isDrop(found.row.verdict, head));
  terminal.output.write(request.json ? monitoringJson(request, found, retraining) : monitoringText(request, found, retraining));
  const trained = dropped && request.retrain && retraining !== undefined ? await retrain(request, retraining, terminal) : 0;
  return trained !== 0 ? trained : dropped && request.failIfWorse ? DROP_EXIT_CODE : 0;
}

/** Standard output is the one document's where JSON was asked for. */
async function retrain(
  { named, modelFile, json, verbose }: MonitoringRequest,
  { configFile, settings }: Retraining,
  terminal: Terminal,
): Promise<number> {
  const shown = json ? { ...terminal, output: terminal.errors } : terminal;
  const { models, name } = named.model;
  const own = { ...(models === undefined ? {} : { models }), ...(modelFile === undefined ? {} : { modelFile }) };
  return await runTraining({ settings, configFile, resume: undefined, ...own, verbose, notes: [], help: undefined }, shown, {
    follows: name,
  });
}

function monitoringText(request: MonitoringRequest, found: Found, retraining: Retraining | undefined): string {
  const { row, heads, judgement, checkpoint, history, picture, rows, replaced } = found;
  const interval = (low: number, high: number): string => `${percent(low)} to ${percent(high)}`;
  const dropped = HEADS.filter((head) => isDrop(row.verdict, head));
  const lines = [
    `model     ${placeOf(request.named).title}, ${row.version} (${checkpoint.file})`,
    `data      ${row.data}, ${row.clips} clips, fingerprint ${row.fingerprint.slice(0, 16)}`,
    `gloss     ${percent(row.gloss_acc)} (95 % interval ${interval(row.gloss_low, row.gloss_high)})${changeText(judgement.heads?.gloss)}`,
    ...(heads.includes('category')
      ? [`category  ${percent(row.cat_acc)} (95 % interval ${interval(row.cat_low, row.cat_high)})${changeText(judgement.heads?.category)}`]
      : []),
    `F1        ${row.f1_weighted.toFixed(4)} weighted; expected calibration error ${percent(row.expected_calibration_error)}`,
    `verdict   ${verdictText(found)}`,
    `history   ${history}, ${rows} ${rows === 1 ? 'row' : 'rows'}${replaced === undefined ? '' : `; that of ${replaced.date.slice(0, 10)}, of the same version on the same data, was replaced`}`,
    ...(picture === undefined ? [] : [`picture   ${picture}`]),
    ...(dropped.length === 0 || retraining === undefined
      ? []
      : ['', 'To train it anew on data that holds the new clips', `  ${retraining.commandLine}${ownModelFlag(request.modelFile)}`]),
    ...(request.retrain && dropped.length === 0 ? ['', 'There is no drop: nothing is trained anew'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function changeText(change: HeadChange | undefined): string {
  if (change === undefined) return '';
  const { before, difference, interval, p } = change;
  const sure =
    interval === undefined
      ? `p = ${(p ?? 1).toPrecision(2)}`
      : `95 % interval ${signedPoints(interval.low)} to ${signedPoints(interval.high)}`;
  return `; its own evaluation ${percent(before)}: ${signedPoints(difference)} points, ${sure}`;
}

function verdictText({ row: { verdict, basis }, checkpoint }: Found): string {
  const how =
    basis === 'paired'
      ? 'the very clips of its own evaluation, paired, McNemar’s exact test'
      : 'both intervals, other clips than those of its own evaluation';
  switch (verdict) {
    case 'no_reference':
      return `there is no evaluation of ${checkpoint.version} itself to compare with; npm run evaluate makes one`;
    case 'unchanged':
      return 'as in its own evaluation: these are the very same clips';
    case 'within_interval':
      return `no drop that chance would not explain (${how})`;
    case 'drop_gloss':
    case 'drop_category':
    case 'drop_both':
      return `a DROP in ${HEADS.filter((head) => isDrop(verdict, head)).join(' and ')} beyond what chance would explain (${how})`;
  }
}

function monitoringJson({ named, modelFile }: MonitoringRequest, found: Found, retraining: Retraining | undefined): string {
  const { row, judgement, checkpoint, history, picture, rows, replaced } = found;
  const document = {
    model: named.model.name,
    checkpoint: checkpoint.file,
    ...row,
    heads: judgement.heads ?? null,
    history,
    picture: picture ?? null,
    rows,
    replaced: replaced?.date ?? null,
    retrain: retraining === undefined ? null : `${retraining.commandLine}${ownModelFlag(modelFile)}`,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
