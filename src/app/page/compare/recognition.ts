import { fetchClip, predictClips, type Answer, type ClipView } from '../shared/api';
import type { ComparedClip, Said } from './clip-table';

/** Clips that are sent together: the table grows as answers come. */
const TOGETHER = 8;

/** A clip that models are to recognise. */
export interface ClipToRecognise {
  readonly file: File;
  /** The sign that it shows, where that is known already. */
  readonly truth: string | undefined;
}

/** Clips that several models recognise, one model after the other. */
export class Recognition {
  /** By model, then by clip. */
  private readonly answers: Answer[][];
  private readonly truths: (string | undefined)[];
  private isStopped = false;

  constructor(
    private readonly models: readonly string[],
    readonly clips: readonly ClipToRecognise[],
    private readonly onProgress: (done: number, total: number) => void,
  ) {
    this.answers = models.map(() => []);
    this.truths = clips.map(({ truth }) => truth);
  }

  /** Recognises all of them, or as many as there are until it is stopped. */
  async run(): Promise<void> {
    const total = this.models.length * this.clips.length;
    const files = this.clips.map(({ file }) => file);
    await this.readTruths();
    for (const [place, model] of this.models.entries()) {
      const answers = this.answersOf(place);
      for (let start = 0; start < files.length && !this.isStopped; start += TOGETHER) {
        await predictClips(model, files.slice(start, start + TOGETHER), (come) => answers.push(...come));
        this.onProgress(
          this.answers.reduce((sum, { length }) => sum + length, 0),
          total,
        );
      }
    }
  }

  /** Ends it after what is on its way. */
  stop(): void {
    this.isStopped = true;
  }

  /** What the models have said so far. */
  rows(): ComparedClip[] {
    return this.clips.map(({ file }, clip) => ({
      file: file.name,
      truth: this.truths[clip],
      said: this.models.map((_, model) => saidIn(this.answersOf(model)[clip])),
    }));
  }

  /** What each model said of a clip, in full. */
  of(clip: number): { readonly model: string; readonly answer: Answer | undefined }[] {
    return this.models.map((model, place) => ({ model, answer: this.answersOf(place)[clip] }));
  }

  private answersOf(model: number): Answer[] {
    const answers = this.answers[model];
    if (answers === undefined) throw new Error(`missing: the answers of model ${model}`);
    return answers;
  }

  /** A clip's file may say which sign it shows. */
  private async readTruths(): Promise<void> {
    for (const [place, { file, truth }] of this.clips.entries()) {
      if (this.isStopped) return;
      if (truth !== undefined) continue;
      const view: ClipView | undefined = await fetchClip(file).catch(() => undefined); // One that cannot be read says so in its row.
      this.truths[place] = view?.gloss;
    }
  }
}

function saidIn(answer: Answer | undefined): Said {
  if (answer === undefined) return undefined;
  if ('error' in answer) return { error: answer.error };
  const [best] = answer.gloss;
  return best === undefined ? { error: 'it names no sign' } : { label: best.label, probability: best.probability };
}
