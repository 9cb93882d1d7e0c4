import { HOLISTIC_78 } from '../../../config/known-layouts';
import { drawSkeleton, skeletonOf } from '../../../evaluation/pictures/skeleton';
import { keypointsOf } from '../../../extraction/landmarks';
import { styleFor } from '../shared/player';

/** The height that lines and dots are meant for. */
const HEIGHT = 420;

/** The picture that is looked at, with the skeleton that was found in it. */
export class Stage {
  private readonly dark = matchMedia('(prefers-color-scheme: dark)');

  constructor(
    readonly video: HTMLVideoElement,
    private readonly overlay: HTMLCanvasElement,
    private readonly frame: HTMLElement,
  ) {}

  /** Shows the picture as a mirror does; numbers and clips stay as the camera sees. */
  set isMirrored(mirrored: boolean) {
    this.frame.classList.toggle('mirrored', mirrored);
  }

  /** Draws the key points of a picture over it, those that a model is given. */
  draw(landmarks: Float32Array): void {
    const context = this.overlay.getContext('2d');
    const { videoWidth: wide, videoHeight: high } = this.video;
    if (context === null || wide === 0 || high === 0) return;
    if (this.overlay.width !== wide || this.overlay.height !== high) [this.overlay.width, this.overlay.height] = [wide, high];
    const scale = high / HEIGHT;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, wide / scale, HEIGHT);
    [context.lineCap, context.lineJoin] = ['round', 'round'];
    const view = { left: 0, top: 0, scale: { x: wide / scale, y: HEIGHT } };
    drawSkeleton(context, keypointsOf([landmarks]).values, skeletonOf(HOLISTIC_78, styleFor(this.dark.matches)), view);
  }

  /** Brings the picture into view where it is below what is seen of the page, as on a phone. */
  reveal(): void {
    if (this.frame.getBoundingClientRect().bottom > innerHeight) this.frame.scrollIntoView({ block: 'start' });
  }

  clear(): void {
    this.overlay.getContext('2d')?.reset();
  }
}
