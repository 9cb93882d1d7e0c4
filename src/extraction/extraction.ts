import path from 'node:path';
import { COLLECTION_CLIPS, type CollectedClip } from '../data/collections/collection-rows';

import { writeClipFile } from '../data/clip-file';
import type { DataProblem } from '../data/data-error';
import type { VideoEnvironment } from '../engine/provision/video-environment';
import type { PictureFeatures } from '../evaluation/frame-features/picture-features';
import { removeUnfinishedFiles } from '../foundation/atomic-file';
import { messageOf, UserError } from '../foundation/errors';
import { FileSystemProblem } from '../foundation/file-system-problem';
import { keepFolder, makeFolders, makeFoldersWithin, type KeptFolder } from '../foundation/folders';
import { clipOfVideo } from './clip-of-video';
import { originOf, readClipMeta, standing, type ExtractionSettings } from './clips-there';
import type { Video } from './find-videos';
import { LandmarkWorker } from './landmark-worker';
import type { Occlusion } from './occlusion';

/** What an extraction is to do, and with what. */
export interface ExtractionPlan {
  /** The folder of the collection. */
  readonly out: string;
  readonly videos: readonly Video[];
  readonly settings: ExtractionSettings;
  readonly environment: VideoEnvironment;
  readonly features: PictureFeatures | undefined;
  readonly signal: AbortSignal | undefined;
  /** Told after every video. */
  readonly onProgress: (progress: ExtractionCounts) => void;
  /** Told of every video that no clip can be made of. */
  readonly onProblem: (problem: DataProblem) => void;
}

/** How far an extraction has come. */
export interface ExtractionCounts {
  readonly done: number;
  readonly extracted: number;
  readonly skipped: number;
  /** Of those that were extracted, how many took the place of a clip of other settings. */
  readonly anew: number;
  readonly frames: number;
}

/** A clip that is there now. */
export type ExtractedClip = Pick<CollectedClip, 'name' | 'sign' | 'signer' | 'split'> & { readonly occlusion: Occlusion };

/** Makes clips of videos: each is there whole or not at all, one that is there already and was made in the same way stays. */
export class Extraction {
  readonly clips: ExtractedClip[] = [];
  readonly problems: DataProblem[] = [];
  private readonly counts = { done: 0, extracted: 0, skipped: 0, anew: 0, frames: 0 };
  private readonly folder: string;
  private readonly workers = new Set<LandmarkWorker>();
  private readonly stopping = new AbortController();

  constructor(private readonly plan: ExtractionPlan) {
    this.folder = path.join(plan.out, COLLECTION_CLIPS);
  }

  /**
   * @param jobs videos at once, each read by a process of its own.
   * @throws the signal's reason where it is aborted; FileSystemProblem where a clip cannot be written.
   */
  async run(jobs: number): Promise<ExtractionCounts> {
    const { videos, signal } = this.plan;
    makeFolders(this.folder);
    const place = keepFolder(this.folder);
    const stop = (): void => {
      this.stopping.abort();
      for (const worker of this.workers) worker.end();
    };
    signal?.throwIfAborted();
    signal?.addEventListener('abort', stop);
    try {
      const queue = videos.values();
      const failures: unknown[] = [];
      await Promise.all(
        Array.from({ length: jobs }, async () => {
          try {
            await this.work(queue, place);
          } catch (error) {
            failures.push(error);
            stop();
          }
        }),
      );
      signal?.throwIfAborted();
      if (failures.length > 0) throw failures[0] instanceof Error ? failures[0] : new Error(String(failures[0]));
      return this.counts;
    } finally {
      signal?.removeEventListener('abort', stop);
      stop();
      place.release();
    }
  }

  private hasStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Takes video after video until none is left. */
  private async work(queue: Iterable<Video>, place: KeptFolder): Promise<void> {
    let worker: LandmarkWorker | undefined;
    const workerAtHand = (): LandmarkWorker => {
      if (worker?.isAlive === true) return worker;
      worker = new LandmarkWorker(this.plan.environment);
      this.workers.add(worker);
      return worker;
    };
    for (const video of queue) {
      if (this.hasStopped()) return;
      try {
        await this.take(video, workerAtHand, place);
      } catch (error) {
        if (this.hasStopped()) return; // What it was told after its process was ended says nothing of the video.
        // What cannot be written is no fault of a video's.
        if (!(error instanceof UserError) || error instanceof FileSystemProblem) throw error;
        const problem = { file: video.file, problem: messageOf(error) };
        this.problems.push(problem);
        this.plan.onProblem(problem);
      }
      this.counts.done++;
      this.plan.onProgress(this.counts);
    }
  }

  private async take(video: Video, worker: () => LandmarkWorker, place: KeptFolder): Promise<void> {
    const { settings, features } = this.plan;
    const file = path.join(this.folder, `${video.name}.npz`);
    const origin = originOf(video, settings);
    const there = await readClipMeta(file);
    const stands = there === undefined ? undefined : standing(there, origin, video.sign);
    if (there !== undefined && stands === 'same') {
      this.counts.skipped++;
      this.add(video, there.occlusion);
      return;
    }
    const { clip, occlusion } = await clipOfVideo(worker(), video, { fps: settings.fps, features, meta: { extraction: origin } });
    place.requireThere();
    makeFoldersWithin(this.folder, path.dirname(file));
    removeUnfinishedFiles(path.dirname(file));
    writeClipFile(file, clip);
    this.counts.extracted++;
    this.counts.frames += clip.frames;
    if (stands === 'other settings') this.counts.anew++;
    this.add(video, occlusion);
  }

  private add({ name, sign, signer, split }: Video, occlusion: Occlusion): void {
    this.clips.push({ name, sign, occlusion, ...(signer === undefined ? {} : { signer }), ...(split === undefined ? {} : { split }) });
  }
}
