import path from 'node:path';
import type { CheckpointData } from '../../zoo/release/production-checkpoint';
import type { ProductionDtype, ProductionRecord } from '../../zoo/release/production-record';
import { promoteModel } from '../../zoo/release/promote';
import { findModel } from '../../zoo/find-model';
import { columns, bytesText } from '../quantities';
import type { Terminal } from '../terminal';
import { releaseContext } from './release-surroundings';
import { percent } from '../../foundation/text';

export interface PromotionRequest {
  readonly root: string;
  readonly name: string;
  readonly dtype: ProductionDtype;
  readonly data: CheckpointData;
  readonly json: boolean;
  readonly verbose: boolean;
}

/** Promotes a model and prints what was found. @returns the process's exit code. */
export async function runPromotion({ root, name, dtype, data, json, verbose }: PromotionRequest, terminal: Terminal): Promise<number> {
  const model = findModel(root, name);
  const record = await promoteModel(model, { dtype, data }, await releaseContext(terminal, verbose));
  const file = path.join(model.folder, record.file);
  terminal.output.write(json ? `${JSON.stringify({ ...record, path: file }, null, 2)}\n` : promotionText(model.name, file, record));
  return 0;
}

function promotionText(name: string, file: string, record: ProductionRecord): string {
  const { data, before, after, dtype } = record;
  const head = (title: 'gloss' | 'category'): string[] => [
    title,
    percent(before[title].accuracy),
    percent(after[title].accuracy),
    changeText(before[title].accuracy, after[title].accuracy),
  ];
  const synthetic = data.synthetic ? ' (made by a generator: these figures say nothing about real signs)' : '';
  const lines = [
    `${name} is in production${record.version === null ? '' : `, its weights are those of v${record.version}`}`,
    '',
    `evaluated before and after on ${data.clips} clips of ${data.title}${synthetic}`,
    ...columns([['accuracy', 'before', dtype, 'change'], head('gloss'), head('category')]),
    `  ${logitsText(record)}`,
    '',
    ...columns([
      ['checkpoint', `${file}, ${bytesText(record.bytes)}, weights in ${dtype}`],
      ['sha256', record.sha256],
      ['next', `npm run predict -- --model-path ${file} --input CLIP.npz`],
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function logitsText({ dtype, largest_logit_difference: difference }: ProductionRecord): string {
  if (dtype === 'float32') return 'all logits are the same, bit for bit';
  return `logits differ by up to ${difference.toPrecision(2)}`;
}

function changeText(before: number, after: number): string {
  return before === after ? 'none' : `${after < before ? '−' : '+'}${(100 * Math.abs(after - before)).toFixed(1)} points`;
}
