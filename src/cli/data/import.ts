import { byCause, type DataProblem } from '../../data/data-error';
import { importLandmarks, type ImportedLandmarks } from '../../data/import/import-landmarks';
import { importOptions } from '../../data/import/options';
import { listed, printableLine, shellWord } from '../../foundation/text';
import { verbCommand, type Command } from '../command';
import { watchForInterruption } from '../exit';
import { jsonFlag } from '../flags';
import { ExtractionBar, hooksOf } from '../progress';

const command = 'npm run data -- import';

/** What to type. */
export const importExamples = [
  [`${command} MP_Data --out clips`, 'MediaPipe Holistic’s frames as hundreds of projects keep them, MP_Data/SIGN/CLIP/FRAME.npy'],
  [`${command} asl-signs --from parquet --out clips`, 'the Kaggle contest’s parquet files, signs and signers from train.csv beside them'],
] as const;

/** The action `import` of the `data` command. */
export const importCommand: Command = verbCommand(
  {
    command,
    takes: 'DIR',
    positional: 'landmarks',
    summary: 'Makes clips of landmarks that others found: .npy, .pose, parquet, CSV, MediaPipe’s or OpenPose’s JSON.',
    options: importOptions,
    flags: jsonFlag,
    examples: importExamples,
    epilogue: 'Typed again, it goes on where it was. docs/data-tools.md says how each format is recognised.',
  },
  async ({ options, flags }, terminal) => {
    const { output, errors } = terminal;
    const json = flags['json'] === true;
    const interruption = watchForInterruption(errors, 'the clip that was begun with is written');
    const hooks = hooksOf(terminal, flags, interruption.signal);
    const bar = new ExtractionBar(json ? errors : output);
    try {
      const result = await importLandmarks(options, {
        ...hooks,
        onEvent: (event) => {
          if (event.kind === 'start') {
            if (!json) output.write(startText(options.landmarks, event));
          } else if (event.kind === 'clips-written') {
            bar.show(event.done, event.total, 0);
          } else if (event.kind !== 'clip-left-out') {
            hooks.onEvent(event); // Clips that were left out are listed at the end, those of one cause together.
          }
        },
      });
      bar.clear();
      for (const [first, ...others] of byCause(result.problems)) errors.write(`${printableLine(problemText(first, others))}\n`);
      output.write(json ? `${JSON.stringify(result, null, 2)}\n` : resultText(result));
      return interruption.exitCode() ?? (result.problems.length === 0 ? 0 : 1);
    } catch (error) {
      const code = interruption.exitCode();
      if (code === undefined) throw error;
      bar.clear();
      errors.write('stopped; the same command goes on where it was\n');
      return code;
    } finally {
      interruption.end();
    }
  },
);

function problemText({ file, problem }: DataProblem, others: readonly DataProblem[]): string {
  if (others.length === 0) return `${file}: ${problem}`;
  return `${file}: ${problem} (and ${others.length} more of this kind: ${listed(
    others.map((other) => other.file),
    3,
  )})`;
}

function startText(
  from: string,
  { found, clips, signs, signsFrom }: { found: string; clips: number; signs: number; signsFrom: string },
): string {
  return [`${from}: ${found}`, `  clips    ${clips}`, `  signs    ${signs}, by ${signsFrom}`, ''].map(printableLine).join('\n');
}

function resultText({ out, imported, skipped, problems, notes, layout }: ImportedLandmarks): string {
  const written = imported + skipped > 0;
  const lines = [
    `${imported} clips imported as ${layout}, ${skipped} were there already, ${problems.length} could not be used`,
    ...notes.map((note) => `note: ${note}`),
    ...(written
      ? ['', `${out}: keypoints/, labels.csv, labels_reference.csv`, '', 'Next', `  npm run data -- split ${shellWord(out)} --out SET`]
      : []),
  ];
  return `${lines.map(printableLine).join('\n')}\n`;
}
