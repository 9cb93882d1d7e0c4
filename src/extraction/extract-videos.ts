import { availableParallelism, freemem } from 'node:os';
import { checkOptions, type Options, type OptionsInput } from '../config/layers';
import { readCategories } from '../data/collections/read-categories';
import { writeCollectionTables } from '../data/collections/collection-tables';
import { problemsByFile, type DataProblem } from '../data/data-error';
import { cacheFolder } from '../engine/provision/locations';
import { SetUpProblem } from '../engine/provision/set-up-problem';
import { prepareVideoEnvironment, REQUIREMENTS, type VideoEnvironment } from '../engine/provision/video-environment';
import { startRuntime } from '../engine/runtime';
import { encoderOfFile, PictureFeatures } from '../evaluation/frame-features/picture-features';
import { fetchedBackbone } from '../foundation/caches';
import { UserError } from '../foundation/errors';
import { withFolderLock } from '../foundation/folder-lock';
import { makeFolders } from '../foundation/folders';
import { notesTo, warningsTo, type Hooks } from '../foundation/hooks';
import { counted } from '../foundation/text';
import type { ExtractionSettings } from './clips-there';
import { Extraction } from './extraction';
import { findVideos } from './find-videos';
import { extractOptions } from './options';

/** What {@link extractVideos} is asked for. */
export type ExtractOptions = OptionsInput<typeof extractOptions>;

/** What happens while clips are made of videos, beside what every verb tells. */
export type ExtractEvent =
  | VideosFound
  /** MediaPipe is being prepared: what is done, as a line. */
  | { readonly kind: 'preparing'; readonly text: string }
  /** How far what the last such line says has come. */
  | { readonly kind: 'preparing-progress'; readonly text: string }
  /** A video that no clip can be made of, and why. */
  | (DataProblem & { readonly kind: 'clip-left-out' });

/** All that is needed is there, and the videos are found; the first clip follows. */
interface VideosFound {
  readonly kind: 'videos-found';
  readonly videos: number;
  readonly signs: number;
  /** Videos that are read at once. */
  readonly jobs: number;
  /** The versions of what reads them. */
  readonly versions: Readonly<Record<string, string>>;
}

/** How {@link extractVideos} is watched and stopped, and where what it needs is kept. */
export interface ExtractHooks extends Hooks<ExtractEvent> {
  /** Where MediaPipe is or will be prepared; the user's cache folder otherwise. */
  readonly cache?: string;
}

/** What came of {@link extractVideos}. */
export interface ExtractedVideos {
  readonly videos: string;
  readonly out: string;
  /** Clips that were made. */
  readonly extracted: number;
  /** Clips that were there already. */
  readonly skipped: number;
  /** Clips that the tables name now, those and these; none where no video gave one, and then no tables are written. */
  readonly clips: number;
  readonly signs: number;
  /** Of those clips, how many count as occluded. */
  readonly occluded: number;
  /** Frames of the clips that were made. */
  readonly frames: number;
  readonly seconds: number;
  /** Videos that no clip can be made of. */
  readonly problems: readonly DataProblem[];
}

/**
 * Makes a collection of clips of videos: MediaPipe Holistic's key points, a clip for each video, and the tables of signs. Clips that are there already and were made
 * of the same video in the same way are left alone, so that what was stopped goes on where it was; a video that cannot be used is left out of the tables, which an
 * event says, and the others go on.
 * @throws UserError where there are no videos, MediaPipe cannot be prepared, or nothing can be written; the signal's reason where it is aborted.
 */
export async function extractVideos(options: ExtractOptions, hooks: ExtractHooks = {}): Promise<ExtractedVideos> {
  const asked = checkOptions(extractOptions, { source: 'extractVideos()', values: options });
  const { videos, others, ...found } = await findVideos(asked.videos);
  const signs = new Set(videos.map(({ sign }) => sign));
  const categories = asked.categories === undefined ? found.categories : await readCategories(asked.categories, signs);
  if (others > 0) notesTo(hooks)(`${counted(others, 'file is no video and was', 'files are no videos and were')} passed over`);
  const environment = await environmentIn(hooks);
  const features = asked.features ? await featuresOf(asked, hooks) : undefined;
  const settings: ExtractionSettings = { fps: asked.fps, versions, backbone: features?.digest ?? null };
  const jobs = Math.min(videos.length, asked.jobs ?? jobsOfMachine());
  hooks.onEvent?.({ kind: 'videos-found', videos: videos.length, signs: signs.size, jobs, versions });
  makeFolders(asked.out);
  const started = performance.now();
  try {
    return await withFolderLock(asked.out, 'data extract', async () => {
      const extraction = new Extraction({
        out: asked.out,
        videos,
        settings,
        environment,
        features,
        signal: hooks.signal,
        onProgress: ({ done, frames }) => hooks.onEvent?.({ kind: 'clips-computed', done, total: videos.length, frames }),
        onProblem: (problem) => hooks.onEvent?.({ kind: 'clip-left-out', ...problem }),
      });
      const { extracted, skipped, anew, frames } = await extraction.run(jobs);
      if (anew > 0) notesTo(hooks)(`${counted(anew, 'clip was', 'clips were')} there of other settings, and made anew`);
      const clips = extraction.clips.map(({ occlusion: { share, longest_run: run }, ...clip }) => ({
        ...clip,
        occluded: share >= asked.occluded_share || run >= asked.occluded_run,
      }));
      if (clips.length > 0) writeCollectionTables(asked.out, clips, categories);
      return {
        videos: asked.videos,
        out: asked.out,
        extracted,
        skipped,
        clips: clips.length,
        signs: new Set(clips.map(({ sign }) => sign)).size,
        occluded: clips.filter(({ occluded }) => occluded).length,
        frames,
        seconds: (performance.now() - started) / 1000,
        problems: problemsByFile(extraction.problems),
      };
    });
  } finally {
    features?.dispose();
  }
}

/** Of what decides which landmarks are found: the detector and the decoder. */
const versions = Object.fromEntries(
  REQUIREMENTS.filter((requirement) => /^(?:mediapipe|opencv)/.test(requirement)).map((requirement) => requirement.split('==')),
) as Readonly<Record<string, string>>;

/** @throws UserError that says in a line why MediaPipe cannot be prepared. */
async function environmentIn(hooks: ExtractHooks): Promise<VideoEnvironment> {
  const report = {
    line: (text: string) => hooks.onEvent?.({ kind: 'preparing', text }),
    progress: (text: string) => hooks.onEvent?.({ kind: 'preparing-progress', text }),
  };
  try {
    return await prepareVideoEnvironment({ cache: hooks.cache ?? cacheFolder({}), thorough: false, report });
  } catch (error) {
    throw error instanceof SetUpProblem ? new UserError(error.message, { cause: error }) : error;
  }
}

async function featuresOf(asked: Options<typeof extractOptions>, hooks: ExtractHooks): Promise<PictureFeatures> {
  const backbone = asked.backbone ?? fetchedBackbone({});
  if (backbone === undefined)
    throw new UserError(
      "--backbone is missing: --features needs InceptionV3's weights as torchvision saves them; docs/inception.md tells where to get them",
    );
  const { encoder, weights } = encoderOfFile(backbone, asked.transform_input);
  const { warning } = await startRuntime({ verbose: hooks.verbose === true });
  if (warning !== undefined) warningsTo(hooks)(warning);
  return new PictureFeatures(encoder, weights, { mode: 'captured' });
}

/** What a process takes of the memory, of which half is left to others. */
const JOB_BYTES = 0.4e9;

function jobsOfMachine(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / 2 / JOB_BYTES)));
}
