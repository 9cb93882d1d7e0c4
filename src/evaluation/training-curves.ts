import path from 'node:path';
import { parseCsvTable } from '../data/csv-table';
import { ModelFolder } from '../folder/model-folder';
import { UserError } from '../foundation/errors';
import { readRegularText } from '../foundation/regular-file';

/** An epoch of a training, as its log has it. */
export interface CurvePoint {
  readonly epoch: number;
  readonly train_loss: number;
  readonly val_loss: number;
  readonly gloss_acc: number;
  readonly cat_acc: number;
}

/** The curves of one training. */
export interface TrainingCurves {
  /** The model folder's name. */
  readonly title: string;
  readonly folder: string;
  /** An epoch each; at least one. */
  readonly points: readonly CurvePoint[];
  /** Of them the one with the highest validation gloss accuracy, the earliest of equal ones. */
  readonly best: CurvePoint;
}

/** That of 200,000 epochs. */
const LARGEST_LOG = 16_000_000;

/** The curves of the training whose log lies beside a checkpoint; nothing where none does, or it cannot be read (`models check` says why). */
export function curvesBeside(checkpoint: string): CurvePoint[] {
  const log = new ModelFolder(path.dirname(checkpoint)).logThere();
  if (log === undefined) return [];
  try {
    return readCurves(readRegularText(log, LARGEST_LOG), log);
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** Reads a log of Kumpas, or one of the PyTorch pipeline, which starts with lines of comment and names accuracies `val_gloss_acc`. */
export function readCurves(text: string, file: string): CurvePoint[] {
  const lines = text.split('\n').filter((line) => !/^"?#/.test(line));
  const { rows } = parseCsvTable(lines.join('\n'), file, ['epoch', 'train_loss', 'val_loss']);
  return rows
    .map((row) => {
      const number = (...columns: string[]): number => Number(columns.map((column) => row.cell(column)).find((cell) => cell !== undefined));
      return {
        epoch: number('epoch'),
        train_loss: number('train_loss'),
        val_loss: number('val_loss'),
        gloss_acc: number('gloss_acc', 'val_gloss_acc'),
        cat_acc: number('cat_acc', 'val_cat_acc'),
      };
    })
    .filter((point) => Object.values(point).every(Number.isFinite));
}
