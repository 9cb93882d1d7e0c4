import path from 'node:path';
import { hasCategories } from '../../folder/config-file';
import { ModelFolder } from '../../folder/model-folder';
import { UserError } from '../../foundation/errors';
import { bytesText, printableLine, percent } from '../../foundation/text';
import { version } from '../../foundation/installation';
import { findModel, type RegisteredModel } from '../../zoo/registered-models';
import type { CheckpointData, ReleaseContext } from '../../zoo/release/promote';
import type { ReleaseOutcome, ReleaseRequest } from '../../zoo/release/release';
import { bumpOf, BUMPS, type ProductionDtype, type ProductionRecord } from '../../zoo/release/release-record';
import { plainCommand, type Command } from '../command';
import { dataFlags, optionalText, jsonFlag, labelledDataOf, requiredText, requiredTexts, commonFlags, type FlagTable } from '../flags';
import { registryFlags, onlyName, rootOf, modelsOf, modelFlag, type GivenInRegistry } from '../model-flags';
import { dataWatch } from '../progress';
import { columns } from '../quantities';
import type { Terminal } from '../terminal';

/** The types of a production checkpoint's weights. */
const DTYPES = ['float32', 'float16'] as const;

/** Flags of the commands that write a production checkpoint and evaluate it. */
export const productionFlags = {
  data: {
    string: true,
    group: 'Data:',
    description: 'Folder laid out as for training. Without any data flag: the data that the model was trained with.',
  },
  ...dataFlags,
  ...registryFlags,
  ...jsonFlag,
} as const satisfies FlagTable;

/** @throws UserError where `--dtype` is none of the types that there are. */
export function dtypeOf(typed: Readonly<Record<string, unknown>>): (typeof DTYPES)[number] | undefined {
  const text = optionalText(typed, 'dtype');
  const dtype = DTYPES.find((candidate) => candidate === text);
  if (text === undefined || dtype !== undefined) return dtype;
  throw new UserError(`--dtype: expected ${DTYPES.join(' or ')}, found "${text}"`);
}

const RELEASE = 'npm run models -- release';

const releaseFlags = {
  bump: {
    string: true,
    group: 'Release:',
    description:
      'major where whoever uses it must change too (another architecture, other classes), minor for a better model, patch for a mended one.',
  },
  notes: { string: true, array: true, group: 'Release:', description: 'What changed and why, for the changelog: a text a bullet.' },
  'allow-regression': { type: 'boolean', group: 'Release:', description: 'Release it though it is less accurate than the release before.' },
  follows: { string: true, group: 'Release:', description: 'The model whose releases a new folder’s go on from.' },
  tag: {
    type: 'boolean',
    group: 'Release:',
    description: 'Make an annotated git tag, as transformer_baseline/v1.1.0, at the commit that is checked out.',
  },
  dtype: {
    string: true,
    group: 'Release:',
    description: 'float32 or float16.',
    defaultDescription: 'that of the promoted checkpoint, else float32',
  },
  ...productionFlags,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models release`. */
export const releaseCommand: Command = plainCommand(
  {
    command: RELEASE,
    takes: 'NAME',
    summary:
      'Releases a model: the next version, its production checkpoint and evaluation under releases/, an entry in its CHANGELOG.md. It is set against the release before on the same clips.',
    flags: releaseFlags,
    examples: [
      [`${RELEASE} transformer_baseline_09-20 --bump major --notes "The first that others use"`, 'v1.0.0'],
      [
        `${RELEASE} transformer_cls_09-25 --follows transformer_baseline_09-20 --bump major --notes "Class token"`,
        'v2.0.0, of a new folder',
      ],
      [`${RELEASE} transformer_baseline_09-20 --bump minor --notes "40 epochs more" --tag`, 'v1.1.0, with a git tag'],
    ],
  },
  async (typed, terminal, positionals) => {
    const request = {
      root: rootOf(typed),
      models: modelsOf(typed),
      ownModel: modelFlag(typed),
      name: onlyName(positionals, RELEASE),
      bump: bumpOf(requiredText(typed, 'bump', BUMPS.join(', '))),
      notes: requiredTexts(typed, 'notes', 'what changed, as --notes "fewer confusions among numbers"'),
      allowRegression: typed['allow-regression'] === true,
      follows: optionalText(typed, 'follows'),
      tag: typed['tag'] === true,
      dtype: dtypeOf(typed),
      data: labelledDataOf(typed),
      json: typed['json'] === true,
      verbose: typed['verbose'] === true,
    };
    return await runRelease(request, terminal);
  },
);

export interface ReleaseCommandRequest extends ReleaseRequest, GivenInRegistry {
  readonly root: string;
  readonly name: string;
  readonly json: boolean;
  readonly verbose: boolean;
}

/** Releases a model and prints what it is now. @returns the process's exit code. */
export async function runRelease(request: ReleaseCommandRequest, terminal: Terminal): Promise<number> {
  const { root, name, json, verbose, models } = request;
  const model = findModel(root, name, models);
  const { releaseModel } = await import('../../zoo/release/release.js'); // With TensorFlow: only when it is needed.
  const outcome = await releaseModel(root, model, request, await releaseContext(terminal, verbose));
  const { folder, record } = outcome.release;
  terminal.output.write(
    json
      ? `${JSON.stringify({ ...record, folder, completed_only: outcome.completedOnly }, null, 2)}\n`
      : releaseText(model.folder, outcome, request.ownModel),
  );
  return 0;
}

function releaseText(modelFolder: string, { release: { folder, record }, completedOnly }: ReleaseOutcome, ownModel = ''): string {
  const { model, version, checkpoint, changelog, tag, previous } = record;
  const lines = [
    `${model} v${version} is ${completedOnly ? 'released: the command that was stopped had made it, what was missing has been completed' : 'released'}`,
    '',
    ...changelog.map((line) => `  - ${printableLine(line)}`),
    '',
    ...columns([
      ['release', folder],
      ['checkpoint', `${checkpoint.file}, ${bytesText(checkpoint.bytes)}, weights in ${checkpoint.dtype}`],
      ['sha256', checkpoint.sha256],
      ['changelog', path.join(modelFolder, 'CHANGELOG.md')],
      ...(tag === null ? [] : [['tag', `${tag.name}; git push origin ${tag.name} shares it`]]),
      ['use it', `npm run predict -- --model-path ${folder} --input CLIP.npz${ownModel}`],
      ...(previous?.model === model ? [['compare', `npm run models -- diff ${model} v${previous.version} v${version}${ownModel}`]] : []),
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

const PROMOTE = 'npm run models -- promote';

const promoteFlags = {
  dtype: {
    string: true,
    group: 'Checkpoint:',
    description: 'float32, which gives the same logits; or float16, of half the size, whose loss of accuracy is measured.',
    defaultDescription: 'float32',
  },
  ...productionFlags,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models promote`. */
export const promoteCommand: Command = plainCommand(
  {
    command: PROMOTE,
    takes: 'NAME',
    summary:
      'Makes a model’s production checkpoint: its best weights without a training’s state, with config and labels inside. Both are evaluated; the model’s stage becomes production.',
    flags: promoteFlags,
    examples: [
      [`${PROMOTE} transformer_baseline_09-20`, 'evaluated on the data that it was trained with'],
      [`${PROMOTE} transformer_baseline_09-20 --dtype float16 --data clips/`, 'half the size'],
    ],
  },
  async (typed, terminal, positionals) => {
    const request = {
      root: rootOf(typed),
      models: modelsOf(typed),
      ownModel: modelFlag(typed),
      name: onlyName(positionals, PROMOTE),
      dtype: dtypeOf(typed) ?? 'float32',
      data: labelledDataOf(typed),
      json: typed['json'] === true,
      verbose: typed['verbose'] === true,
    };
    return await runPromotion(request, terminal);
  },
);

export interface PromotionRequest extends GivenInRegistry {
  readonly root: string;
  readonly name: string;
  readonly dtype: ProductionDtype;
  readonly data: CheckpointData;
  readonly json: boolean;
  readonly verbose: boolean;
}

/** Promotes a model and prints what was found. @returns the process's exit code. */
export async function runPromotion(request: PromotionRequest, terminal: Terminal): Promise<number> {
  const { root, name, dtype, data, json, verbose, models, ownModel } = request;
  const model = findModel(root, name, models);
  const { promoteModel } = await import('../../zoo/release/promote.js');
  const record = await promoteModel(model, { dtype, data }, await releaseContext(terminal, verbose));
  const file = path.join(model.folder, record.file);
  terminal.output.write(json ? `${JSON.stringify({ ...record, path: file }, null, 2)}\n` : promotionText(model, file, record, ownModel));
  return 0;
}

function promotionText({ name, folder }: RegisteredModel, file: string, record: ProductionRecord, ownModel = ''): string {
  const categories = hasCategories(new ModelFolder(folder).readConfig().run.classes);
  const { data, before, after, dtype } = record;
  const head = (title: 'gloss' | 'category'): string[] => [
    title,
    percent(before[title].accuracy),
    percent(after[title].accuracy),
    accuracyChangeText(before[title].accuracy, after[title].accuracy),
  ];
  const synthetic = data.synthetic ? ' (made by a generator: these figures say nothing about real signs)' : '';
  const lines = [
    `${name} is in production${record.version === null ? '' : `, its weights are those of v${record.version}`}`,
    '',
    `evaluated before and after on ${data.clips} clips of ${data.title}${synthetic}`,
    ...columns([['accuracy', 'before', dtype, 'change'], head('gloss'), ...(categories ? [head('category')] : [])]),
    `  ${logitsText(record)}`,
    '',
    ...columns([
      ['checkpoint', `${file}, ${bytesText(record.bytes)}, weights in ${dtype}`],
      ['sha256', record.sha256],
      ['next', `npm run predict -- --model-path ${file} --input CLIP.npz${ownModel}`],
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function logitsText({ dtype, largest_logit_difference: difference }: ProductionRecord): string {
  if (dtype === 'float32') return 'all logits are the same, bit for bit';
  return `logits differ by up to ${difference.toPrecision(2)}`;
}

function accuracyChangeText(before: number, after: number): string {
  return before === after ? 'none' : `${after < before ? '−' : '+'}${(100 * Math.abs(after - before)).toFixed(1)} points`;
}

/** Starts the runtime, and gives what promoting and releasing need of the world. */
export async function releaseContext(terminal: Terminal, verbose: boolean): Promise<ReleaseContext> {
  const watch = dataWatch(terminal);
  const { startRuntime } = await import('../../engine/runtime.js');
  const runtime = await startRuntime({ verbose });
  if (runtime.warning !== undefined) watch.onWarning(runtime.warning);
  return { now: new Date(), kumpas: version, watch };
}
