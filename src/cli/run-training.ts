import { existsSync } from 'node:fs';
import path from 'node:path';
import { commandLineSource, type SettingsLayer } from '../config/layers';
import { describeOverrides } from '../config/resolve';
import { defaultSaveFolders, type Settings } from '../config/model-settings';
import { readSettingsFile } from '../config/settings-file';
import { sharingDevices } from '../engine/devices';
import { startRuntime } from '../engine/runtime';
import { UserError } from '../foundation/errors';
import { fileSystemProblem } from '../foundation/file-system-problem';
import { shellWord } from '../foundation/text';
import { endEvent } from '../training/end-event';
import { evaluateRun } from '../training/evaluate-run';
import { prepareRun } from '../training/prepare-run';
import { readResumePoint, resumedSettings, type ResumePoint } from '../training/resume';
import { closeRun, type TrainingRun } from '../training/run';
import { checkpointToResume, newestCheckpoint } from '../folder/model-folder';
import type { RegistryFacts } from '../folder/config-file';
import { train } from '../training/train';
import { resolveTraining } from '../training/warm-start';
import type { Terminal } from './terminal';
import { watchForInterruption } from './exit';
import { showLoading } from './progress';
import { machineFacts } from './machine';
import { shapeOf } from './flags';
import { TerminalReporter } from './terminal-reporter';
import { trainFlagKeys, type TrainCommandLine } from './train-flags';
import { ownModels } from '../models/model-table';

/**
 * Trains as the command line asks, showing it in the terminal.
 * @param registry what the registry keeps of a new run from its start.
 * @returns the process's exit code.
 */
export async function runTraining(typed: TrainCommandLine, terminal: Terminal, registry: RegistryFacts = {}): Promise<number> {
  const reporter = new TerminalReporter(terminal.output);
  const { settings, resume } = settle(typed, reporter);
  const runtime = await startRuntime({ verbose: typed.verbose });
  if (runtime.warning !== undefined) reporter.report({ kind: 'warning', text: runtime.warning });
  const run = await prepareRun(settings, resume, {
    reporter,
    now: () => new Date(),
    machine: machineFacts(runtime),
    registry,
    sharingDevices: sharingDevices(runtime),
    onDataProgress: showLoading(terminal.errors),
    ...(typed.reading === undefined ? {} : { reading: typed.reading }),
  });
  const interruption = watchForInterruption(terminal.errors);
  try {
    const trained = await train(run, interruption.signal);
    interruption.end(); // All is saved: from here on a signal ends the process at once, and `--resume` evaluates.
    const end = interruption.signal.aborted ? 'interrupted' : trained;
    reporter.report(endEvent(run, end, end === 'interrupted' ? undefined : await evaluateRun(run)));
    return end === 'interrupted' ? (interruption.exitCode() ?? 1) : 0;
  } catch (error) {
    throw withWayOn(error, run);
  } finally {
    interruption.end();
    await closeRun(run);
  }
}

/** What the file system refused in a training's folder, with what one would type to go on. */
function withWayOn(error: unknown, { files, place, progress, settings }: TrainingRun): unknown {
  const problem = whatBecameOf(place) ?? fileSystemProblem(error);
  const folder = place.placeNow() ?? files.folder;
  if (problem === undefined || !existsSync(path.join(folder, path.basename(files.last)))) return problem ?? error;
  const done = progress.completedEpochs >= settings.epochs;
  const command = done ? `evaluate -- --model-path ${shellWord(folder)}` : `train -- --resume ${shellWord(folder)}`;
  return new UserError(`${problem.message}; go on with npm run ${command}`, { cause: error });
}

/** That the folder was taken away explains whatever it was that failed. */
function whatBecameOf(place: TrainingRun['place']): UserError | undefined {
  try {
    place.requireThere();
    return undefined;
  } catch (gone) {
    return fileSystemProblem(gone);
  }
}

/** The settings to train with, and where an earlier run stopped if one is gone on with. */
function settle(typed: TrainCommandLine, reporter: TerminalReporter): { settings: Settings; resume: ResumePoint | undefined } {
  const commandLine: SettingsLayer = { source: commandLineSource, values: typed.settings, otherFlags: trainFlagKeys };
  if (typed.resume !== undefined) {
    const { save_dir: saveDir } = typed.settings;
    const resume = readResumePoint(
      typed.resume === 'newest'
        ? newestCheckpoint(typeof saveDir === 'string' ? [saveDir] : defaultSaveFolders(ownModels))
        : checkpointToResume(typed.resume.from),
      shapeOf({ 'num-heads': typed.settings['num_heads'], pooling: typed.settings['pooling'], 'max-len': typed.settings['max_len'] }),
      typed.reading,
    );
    for (const note of resume.notes) reporter.report({ kind: 'note', text: `note: ${note}` });
    const file = typed.configFile === undefined ? [] : [readSettingsFile(typed.configFile)];
    return { settings: resumedSettings(resume, [...file, commandLine]), resume };
  }
  const { resolved, notes } = resolveTraining(
    { file: typed.configFile, commandLine: typed.settings, otherFlags: trainFlagKeys },
    typed.reading,
  );
  if (typed.reading?.key !== undefined && resolved.settings.init_from === null)
    throw new UserError('--key: there is no checkpoint to take weights of; give it with --resume or --init-from');
  for (const note of notes) reporter.report({ kind: 'note', text: `note: ${note}` });
  for (const override of describeOverrides(resolved)) reporter.report({ kind: 'note', text: override });
  return { settings: resolved.settings, resume: undefined };
}
