import type { KeypointClip } from '../../../data/keypoint-clip';
import type { Prediction } from '../shared/api';
import { byId } from '../shared/elements';
import { RecordedClips } from './recorded-clips';
import type { SeenFrames } from './seen-frames';

/** Records clips of what is seen: after a countdown, for as long as was chosen, or until it is stopped. */
export class Recording {
  private readonly button = byId('record', HTMLButtonElement);
  private readonly countdown = byId('countdown', HTMLElement);
  private readonly delay = byId('delay', HTMLSelectElement);
  private readonly length = byId('length', HTMLSelectElement);
  private readonly label = byId('label', HTMLInputElement);
  private readonly picture = byId('picture', HTMLElement);
  private readonly clips = new RecordedClips();
  private source = '';
  /** The moment from which on pictures are recorded, which may be to come; undefined while nothing is. */
  private since: number | undefined;

  constructor(
    private readonly seen: SeenFrames,
    private readonly video: HTMLVideoElement,
    private readonly lookAt: (clip: KeypointClip) => Promise<Prediction | undefined>,
  ) {
    this.button.addEventListener('click', () => {
      if (this.since !== undefined) this.finish();
      else if (this.seen.latest !== undefined) this.since = this.seen.latest + 1000 * Number(this.delay.value);
      this.show();
    });
  }

  /** Pictures come from there from now on. */
  begin(source: string): void {
    this.source = source;
    this.since = undefined;
    this.show();
  }

  /** There are no more pictures. */
  end(): void {
    this.since = undefined;
    this.button.disabled = true;
    this.show();
  }

  /** Another picture was seen. */
  step(): void {
    this.button.disabled = false;
    const { latest } = this.seen;
    if (this.since !== undefined && latest !== undefined && latest >= this.since + 1000 * Number(this.length.value)) this.finish();
    this.show();
  }

  /** Keeps all that was seen as one clip: a whole video. */
  keepAll(): void {
    this.keepSince(-Infinity);
  }

  private finish(): void {
    const { since } = this;
    this.since = undefined;
    if (since !== undefined) this.keepSince(since);
  }

  private keepSince(moment: number): void {
    const { videoWidth: width, videoHeight: height } = this.video;
    const rate = this.seen.rate();
    const clip = this.seen.clipSince(moment, {
      source: this.source,
      source_fps: rate === undefined ? null : Math.round(rate * 100) / 100,
      width,
      height,
    });
    if (clip?.mask?.includes(1) !== true) this.say('Nobody was seen, so nothing was kept.');
    else this.clips.add(clip, this.label.value.trim(), this.lookAt(clip));
  }

  private say(text: string): void {
    const status = byId('status', HTMLElement);
    [status.textContent, status.className, status.hidden] = [text, 'status problem', false];
  }

  private show(): void {
    const { latest } = this.seen;
    const isOn = this.since !== undefined && latest !== undefined;
    const left = isOn ? (this.since ?? 0) - latest : 0;
    this.button.textContent = isOn ? 'Stop recording' : 'Record';
    this.countdown.hidden = left <= 0;
    this.countdown.textContent = String(Math.ceil(left / 1000));
    this.picture.classList.toggle('recording', isOn && left <= 0);
  }
}
