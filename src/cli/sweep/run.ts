import { cacheFolder } from '../../foundation/caches';
import { shellWord } from '../../foundation/text';
import type { ModelDefinitions } from '../../models/model-table';
import type { SweepRequest } from '../../training/sweep/plan';
import type { SweepOutcome } from '../../training/sweep/sweep';
import { USER_ERROR_EXIT_CODE, watchForInterruption } from '../exit';
import { ownModelFlag } from '../model-flags';
import { columns } from '../quantities';
import { gitCommit, type TrainCommandLine } from '../run-training';
import type { Terminal } from '../terminal';
import { progressTo } from './progress';

/** What a sweep's commands know of their command line beside the sweep. */
export interface SweepShown {
  readonly typed: Pick<TrainCommandLine, 'verbose' | 'modelFile' | 'reading'>;
  readonly models: ModelDefinitions;
  /** Whether the result is one JSON document. */
  readonly json: boolean;
}

/** Trains a sweep in this process, or in `jobs` of its own, and shows it. @returns the exit code. */
export async function runSweep(
  request: SweepRequest,
  places: { readonly out: string; readonly jobs: number },
  { typed, models, json }: SweepShown,
  terminal: Terminal,
): Promise<number> {
  const { sweepWith } = await import('../../training/sweep/sweep.js');
  const { sweepTable, sweepConclusions, sweepDocument } = await import('../../training/sweep/results-text.js');
  const interruption = watchForInterruption(terminal.errors, 'the step of each trial is finished and everything saved');
  try {
    const outcome = await sweepWith(request, places, {
      signal: interruption.signal,
      onEvent: progressTo(json ? terminal.errors : terminal.output, terminal.errors, typed.verbose),
      models,
      verbose: typed.verbose,
      cacheFolder: cacheFolder(process.env),
      gitCommit: gitCommit(),
    });
    const { output } = terminal;
    if (json) output.write(`${JSON.stringify({ end: outcome.end, folder: outcome.folder, ...sweepDocument(outcome) }, null, 2)}\n`);
    else {
      output.write(`\n${columns(sweepTable(outcome)).join('\n')}\n\n${sweepConclusions(outcome).join('\n')}\n`);
      output.write(`\nwritten: ${outcome.files.join(', ')}\n${nextLine(outcome, typed.modelFile)}`);
    }
    if (outcome.end === 'interrupted') return interruption.exitCode() ?? 1;
    return outcome.failed.length === 0 ? 0 : USER_ERROR_EXIT_CODE;
  } finally {
    interruption.end();
  }
}

function nextLine({ end, files, winner }: SweepOutcome, modelFile: string | undefined): string {
  if (end === 'interrupted') return 'Interrupted; everything so far is saved. Type the same command to go on.\n';
  const file = files.find((name) => name.endsWith('winner.json'));
  if (winner === undefined || file === undefined) return '';
  return `train with what won: npm run train -- --config ${shellWord(file)}${ownModelFlag(modelFile)}\n`;
}
