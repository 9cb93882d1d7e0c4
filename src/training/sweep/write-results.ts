import path from 'node:path';
import { canDraw, drawnOrTold, lightTheme } from '../../evaluation/pictures/drawing';
import { replaceFile, replaceText } from '../../foundation/atomic-file';
import { elementAt } from '../../foundation/required';
import { SWEEP_FILES } from './manifest';
import type { SweepPlan } from './plan';
import type { PointResult, SweepResult } from './results';
import { sweepDocument, sweepPage, trialsTable } from './results-text';

/**
 * Writes what a sweep found into its folder: tables, a picture, and the winner's settings.
 * @param onWarning takes a line for a picture that cannot be drawn.
 * @returns the files.
 */
export async function writeSweepResults(folder: string, result: SweepResult, onWarning: (text: string) => void): Promise<string[]> {
  const written: string[] = [];
  const write = (name: string, content: string | Buffer): void => {
    const file = path.join(folder, name);
    if (typeof content === 'string') replaceText(file, content);
    else
      replaceFile(file, (append) => {
        append(content);
      });
    written.push(file);
  };
  const title = `Sweep ${path.basename(path.resolve(folder))}`;
  write(SWEEP_FILES.page, sweepPage(title, result));
  write(SWEEP_FILES.table, trialsTable(result));
  write(SWEEP_FILES.results, jsonText(sweepDocument(result)));
  if (result.winner !== undefined) write(SWEEP_FILES.winner, jsonText(winningSettings(result.plan, result.winner)));
  const picture = await drawnPicture(title, result, onWarning);
  if (picture !== undefined) write(SWEEP_FILES.picture, picture);
  return written;
}

/** The settings of the winner with the base's own seed, as a file for `--config`. */
function winningSettings({ baseSeed }: SweepPlan, winner: PointResult): Readonly<Record<string, unknown>> {
  const { fold, settings } = elementAt(winner.trials, 0).trial;
  const named = Object.entries(settings).filter(([key]) => fold === undefined || key !== 'data'); // One of the folds is not the data.
  return { ...Object.fromEntries(named), seed: baseSeed };
}

async function drawnPicture(
  title: string,
  { points, winner }: SweepResult,
  onWarning: (text: string) => void,
): Promise<Buffer | undefined> {
  const shown = points.flatMap(({ name, trials, spreads }, place) =>
    spreads === undefined
      ? []
      : [
          {
            name: points[place] === winner ? `${name} ★` : name,
            values: trials.flatMap(({ figures }) => figures?.glossAccuracy ?? []),
            mean: spreads.glossAccuracy.mean,
            interval: spreads.glossAccuracy.interval,
          },
        ],
  );
  if (shown.length === 0 || !(await canDraw(onWarning))) return undefined;
  const { spreadPicture } = await import('../../evaluation/pictures/spread-picture.js');
  return drawnOrTold(SWEEP_FILES.picture, () => spreadPicture(`${title}: validation gloss accuracy`, shown, lightTheme), onWarning);
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
