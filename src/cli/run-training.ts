import { commandLineSource } from '../config/layers';
import { featureCache } from '../foundation/caches';
import { UserError } from '../foundation/errors';
import { TrainingStopped, trainWith } from '../training/train';
import { gitCommit } from './machine';
import { TerminalReporter } from './terminal-reporter';
import { trainFlagKeys, type TrainCommandLine } from './train-flags';
import { shellWord } from '../foundation/text';
import type { Terminal } from './terminal';
import { watchForInterruption, type Interruption } from './exit';
import { showLoading } from './progress';
import type { RegistryFacts } from '../folder/config-file';

/**
 * Trains as the command line asks, showing it in the terminal.
 * @param registry what the registry keeps of a new run from its start.
 * @returns the process's exit code.
 */
export async function runTraining(typed: TrainCommandLine, terminal: Terminal, registry: RegistryFacts = {}): Promise<number> {
  const reporter = new TerminalReporter(terminal.output);
  const onClipsRead = showLoading(terminal.errors);
  const controller = new AbortController();
  let interruption: Interruption | undefined; // Before the first step a signal ends the process at once: there is nothing to save.
  try {
    const { end } = await trainWith(
      {
        settings: { source: commandLineSource, values: typed.settings, otherFlags: trainFlagKeys },
        config: typed.configFile,
        resume: typed.resume === undefined || typed.resume === 'newest' ? typed.resume : typed.resume.from,
        reading: typed.reading,
      },
      {
        signal: controller.signal,
        onEvent: (event) => {
          if (event.kind === 'clips-read') onClipsRead(event.done, event.total);
          // All is saved: from here on a signal ends the process at once, and `--resume` evaluates.
          else if (event.kind === 'evaluation-start') interruption?.end();
          else reporter.report(event);
          if (event.kind === 'start') {
            interruption = watchForInterruption(terminal.errors);
            interruption.signal.addEventListener('abort', () => {
              controller.abort();
            });
          }
        },
        verbose: typed.verbose,
        registry,
        featureCache: featureCache(process.env),
        gitCommit: gitCommit(),
      },
    );
    return end === 'interrupted' ? (interruption?.exitCode() ?? 1) : 0;
  } catch (error) {
    throw error instanceof TrainingStopped ? withWayOn(error) : error;
  } finally {
    interruption?.end();
  }
}

/** What stopped a training, with what one would type to go on. */
function withWayOn(stopped: TrainingStopped): UserError {
  const { message, folder, resumable } = stopped;
  const command = resumable === 'evaluation' ? `evaluate -- --model-path ${shellWord(folder)}` : `train -- --resume ${shellWord(folder)}`;
  return new UserError(`${message}; go on with npm run ${command}`, { cause: stopped });
}
