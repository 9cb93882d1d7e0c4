import type { KeypointClip } from '../../../data/keypoint-clip';
import { required } from '../../../foundation/required';
import { predictFrames, type Prediction } from '../shared/api';
import { byId, element, percent } from '../shared/elements';
import { ranking } from '../shared/ranking';
import type { SeenFrames } from './seen-frames';
import { SignHistory } from './sign-history';

/** Milliseconds of pictures between two predictions, at least. */
const STEP = 200;
/** The classes that are shown. */
const SHOWN = 5;

/** What predictions are made with; it may change while they go on. */
interface RecognitionSettings {
  /** The name of the model; undefined where there is none. */
  readonly model: () => string | undefined;
  /** Milliseconds that a prediction looks back. */
  readonly window: () => number;
  /** How sure the model must be for a sign to count, from 0 to 1. */
  readonly threshold: () => number;
}

/** What the model sees in the latest pictures, again and again, and the signs that came of it. */
export class Recognition {
  private readonly sign = byId('sign', HTMLElement);
  private readonly reason = byId('reason', HTMLElement);
  private readonly doubts = byId('doubts', HTMLElement);
  private readonly classes = byId('ranking', HTMLElement);
  private readonly list = byId('history', HTMLElement);
  private readonly clearButton = byId('clear-history', HTMLButtonElement);
  private history = new SignHistory();
  private isAsking = false;
  private asked = -Infinity;

  constructor(private readonly settings: RecognitionSettings) {
    this.clearButton.addEventListener('click', () => {
      this.forget();
    });
  }

  /** Looks at other pictures from now on. */
  restart(): void {
    this.asked = -Infinity;
    this.history.take(undefined);
  }

  /**
   * Has the model look at the latest pictures, unless it still looks at others: at most one request is under way.
   * @throws Error where the app refuses them.
   */
  async look(frames: SeenFrames): Promise<void> {
    const model = this.settings.model();
    const { latest } = frames;
    if (model === undefined || latest === undefined || this.isAsking || latest < this.asked + STEP) return;
    this.asked = latest;
    if (!frames.hasHands()) {
      this.showNone('No hands in the picture');
      return;
    }
    const longest = this.settings.window();
    const clip = frames.clipSince(latest - longest, {}, longest);
    if (clip === undefined) return;
    this.isAsking = true;
    try {
      this.show(await predictFrames(model, rowsOf(clip), SHOWN));
    } finally {
      this.isAsking = false;
    }
  }

  /** What the model sees in one clip; undefined where there is no model, or it cannot use the clip. */
  async lookAt(clip: KeypointClip): Promise<Prediction | undefined> {
    const model = this.settings.model();
    return model === undefined ? undefined : predictFrames(model, rowsOf(clip), SHOWN).catch(() => undefined);
  }

  private show({ gloss, warnings }: Prediction): void {
    const [best] = gloss;
    this.classes.replaceChildren(ranking('Likeliest signs', gloss, undefined));
    this.doubts.hidden = warnings.length === 0;
    this.doubts.replaceChildren(element('strong', {}, 'Do not trust it: '), warnings.join('; '));
    if (best === undefined || best.probability < this.settings.threshold()) {
      this.showNone(`Less sure than ${Math.round(100 * this.settings.threshold())} %`, false);
      return;
    }
    this.sign.replaceChildren(best.label, ' ', element('span', {}, percent(best.probability)));
    this.reason.textContent = '';
    if (this.history.take(best.label)) this.enter(best.label);
  }

  /** @param clears whether what the model saw before is out of date. */
  private showNone(reason: string, clears = true): void {
    this.history.take(undefined);
    this.sign.textContent = 'No sign';
    this.reason.textContent = reason;
    if (!clears) return;
    this.classes.replaceChildren();
    this.doubts.hidden = true;
  }

  private enter(sign: string): void {
    this.list.append(element('li', {}, sign));
    const log = required(this.list.parentElement, 'what scrolls the list');
    log.scrollTop = log.scrollHeight;
    this.clearButton.hidden = false;
    byId('history-empty', HTMLElement).hidden = true;
  }

  private forget(): void {
    this.history = new SignHistory();
    this.list.replaceChildren();
    this.clearButton.hidden = true;
    byId('history-empty', HTMLElement).hidden = false;
  }
}

/** The numbers of a clip, frame by frame. */
function rowsOf({ frames, values }: KeypointClip): number[][] {
  const width = values.length / frames;
  return Array.from({ length: frames }, (_, frame) => [...values.subarray(frame * width, (frame + 1) * width)]);
}
