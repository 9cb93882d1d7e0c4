import { DataError, problemsByFile, type DataProblem } from '../../data/data-error';
import { cacheFolder } from '../../engine/provision/locations';
import { reportTo } from '../../engine/provision/set-up-problem';
import type { ExtractedVideos, ExtractEvent } from '../../extraction/extract-videos';
import { extractOptions } from '../../extraction/options';
import { fetchedBackbone } from '../../foundation/caches';
import type { WorkEvent } from '../../foundation/hooks';
import { counted, shellWord } from '../../foundation/text';
import { verbCommand, type Command } from '../command';
import { watchForInterruption } from '../exit';
import { jsonFlag } from '../flags';
import { ExtractionBar, hooksOf } from '../progress';
import { secondsText } from '../quantities';

/** The command `data extract`. */
export const extractCommand: Command = verbCommand(
  {
    command: 'npm run data -- extract',
    summary: "Makes clips of videos: MediaPipe Holistic's key points, a clip for each video, and the tables of signs.",
    options: extractOptions,
    flags: jsonFlag,
    examples: [
      ['npm run data -- extract --videos videos/ --out clips/', 'videos/HELLO/1.mp4 and its like; typed again, it goes on where it was'],
      ['npm run data -- extract --videos videos.csv --out clips/ --jobs 4', 'the videos that a table lists: file,gloss'],
      ['npm run data -- split clips/ --out set/', 'then divide them for training'],
    ],
    epilogue:
      'The first time it fetches MediaPipe with pip (104 MB) and needs Python 3.9 to 3.12; `npm run setup -- --videos` does that on purpose.',
  },
  async ({ options: { backbone = fetchedBackbone(process.env), ...options }, flags }, terminal) => {
    const { extractVideos } = await import('../../extraction/extract-videos.js'); // With TensorFlow: only when it is needed.
    const json = flags['json'] === true;
    const { output, errors } = terminal;
    const bar = new ExtractionBar(json ? errors : output);
    const preparing = reportTo(errors);
    const interruption = watchForInterruption(errors, 'clips that are whole stay; the same command goes on');
    const hooks = hooksOf(terminal, flags, interruption.signal);
    const problems: DataProblem[] = [];
    const listProblems = (): void => {
      bar.clear();
      if (problems.length > 0) errors.write(`${new DataError(problemsByFile(problems)).message}\n`);
    };
    const onEvent = (event: WorkEvent | ExtractEvent): void => {
      if (event.kind === 'preparing') preparing.line(event.text);
      else if (event.kind === 'preparing-progress') preparing.progress(event.text);
      else if (event.kind === 'clips-computed') bar.show(event.done, event.total, event.frames ?? 0);
      else if (event.kind === 'videos-found') {
        if (!json) output.write(startText(event));
      } else if (event.kind === 'clip-left-out') problems.push(event);
      else {
        bar.clear();
        hooks.onEvent(event);
      }
    };
    try {
      const asked = backbone === undefined ? options : { ...options, backbone };
      const extracted = await extractVideos(asked, { ...hooks, cache: cacheFolder(process.env), onEvent });
      listProblems();
      output.write(json ? `${JSON.stringify(extracted, null, 2)}\n` : extractedText(extracted));
      return extracted.problems.length === 0 ? 0 : 1;
    } catch (error) {
      listProblems();
      const code = interruption.exitCode();
      if (code === undefined) throw error;
      return code;
    } finally {
      interruption.end();
    }
  },
);

function startText({ videos, signs, jobs, versions }: Extract<ExtractEvent, { kind: 'videos-found' }>): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${counted(videos, 'video')} of ${counted(signs, 'sign')}, ${jobs} at once\n${named.join(', ')}\n`;
}

function extractedText({ out, extracted, skipped, clips, signs, occluded, frames, seconds, problems }: ExtractedVideos): string {
  const lines = [
    `${counted(extracted, 'clip')} made, ${skipped} there already, ${counted(problems.length, 'video')} left out`,
    ...(frames === 0 ? [] : [`${counted(frames, 'frame')} in ${secondsText(seconds)}, ${(frames / seconds).toFixed(1)} a second`]),
    ...(clips === 0 ? [] : [`${out}: ${counted(clips, 'clip')} of ${counted(signs, 'sign')}, ${occluded} with a hand before the face`]),
    ...(clips === 0 ? [] : ['', 'Next', `  npm run data -- split ${shellWord(out)} --out SET`]),
  ];
  return `${lines.join('\n')}\n`;
}
