import {
  boundsOf,
  drawSkeleton,
  frameOf,
  skeletonOf,
  viewOf,
  type Skeleton,
  type SkeletonStyle,
  type View,
} from '../../../evaluation/pictures/skeleton';
import { elementAt } from '../../../foundation/required';
import type { ClipView } from './api';
import { element } from './elements';
import type { Keypoints } from './movement';

type Playable = NonNullable<ClipView['player']>;

/** What a clip is drawn on, alike in all its frames. */
interface Stage {
  /** In units of the picture. */
  readonly size: { readonly width: number; readonly height: number };
  readonly view: View;
  /** Of the picture that the numbers are shares of: its width by its height. */
  readonly aspect: number;
}

/** The height that lines and dots are meant for, in units of the picture. */
const HEIGHT = 420;
const ROOM = 0.08;
const SPEEDS = [0.25, 0.5, 1, 2] as const;
const SHAPES = { narrowest: 0.75, widest: 1.6 };

/** Plays the skeleton of a clip: by itself, frame by frame, faster or slower; with its mask, what was not seen is hollow. */
export class Player {
  readonly root: HTMLElement;
  /** What belongs to the frames, one place each, as a plot over time: under the slider. */
  readonly beneath = element('div');
  readonly keypoints: Keypoints;
  readonly stage: Stage;
  private readonly canvas = element('canvas', { role: 'img' });
  private readonly slider: HTMLInputElement;
  private readonly playButton = element('button', { type: 'button', class: 'button primary' });
  private readonly place = element('output', { class: 'quiet' });
  private readonly times: readonly number[];
  private readonly dark = matchMedia('(prefers-color-scheme: dark)');
  private readonly listeners: ((frame: number) => void)[] = [];
  private skeleton: Skeleton;
  private usesMask = true;
  private frame = 0;
  private speed = 1;
  private isPlaying = false;
  private request = 0;

  constructor(
    private readonly clip: Playable,
    name: string,
  ) {
    const { layout, aspect } = clip;
    const values = new Float32Array(bytesOf(clip.values).buffer);
    this.keypoints = { values, layout, mask: clip.mask === undefined ? undefined : bytesOf(clip.mask) };
    const first = elementAt(clip.timestamps_ms, 0);
    this.times = clip.timestamps_ms.map((time) => time - first);
    const bounds = boundsOf(values, layout);
    const shape = bounds.height === 0 ? 1 : (bounds.width * aspect) / bounds.height;
    const size = { width: HEIGHT * Math.min(SHAPES.widest, Math.max(SHAPES.narrowest, shape)), height: HEIGHT };
    this.stage = { size, view: viewOf(bounds, size, ROOM, aspect), aspect };
    this.skeleton = skeletonOf(layout, styleFor(this.dark.matches));
    this.canvas.setAttribute('aria-label', `The skeleton of ${name}: ${clip.description}`);
    this.canvas.width = size.width * 2;
    this.canvas.height = size.height * 2;
    const last = this.times.length - 1;
    this.slider = element('input', { type: 'range', class: 'timeline', min: 0, max: last, value: 0, 'aria-label': 'Frame' });
    this.root = this.assemble();
    this.dark.addEventListener('change', this.onTheme);
    this.show(0);
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) this.play();
    else this.pause();
  }

  /** The frame that is shown, from 0. */
  get current(): number {
    return this.frame;
  }

  get frames(): number {
    return this.times.length;
  }

  /** Calls `listener` with the frame that is shown, now and whenever it is another one. */
  listen(listener: (frame: number) => void): void {
    this.listeners.push(listener);
    listener(this.frame);
  }

  /** Stops at a frame. */
  seek(frame: number): void {
    this.pause();
    this.show(frame);
  }

  /** Stops it for good. */
  dispose(): void {
    this.pause();
    this.dark.removeEventListener('change', this.onTheme);
  }

  private readonly onTheme = (): void => {
    this.skeleton = skeletonOf(this.clip.layout, styleFor(this.dark.matches));
    this.draw();
  };

  private assemble(): HTMLElement {
    const speed = element('select', {}, ...SPEEDS.map((times) => element('option', { value: times, selected: times === 1 }, `${times} ×`)));
    speed.addEventListener('change', () => {
      this.speed = Number(speed.value);
      if (this.isPlaying) this.play();
    });
    this.slider.addEventListener('input', () => {
      this.seek(Number(this.slider.value));
    });
    this.playButton.addEventListener('click', () => {
      if (this.isPlaying) this.pause();
      else this.play();
    });
    const controls = element('div', { class: 'controls' }, this.playButton, element('label', {}, 'Speed ', speed), this.place);
    if (this.hidesPoints()) controls.append(this.maskSwitch());
    const legend = this.clip.layout.parts.map(({ name }) =>
      element('li', {}, element('span', { class: `dot ${name}`, 'aria-hidden': 'true' }), name.replaceAll('_', ' ')),
    );
    return element(
      'div',
      { class: 'player' },
      this.canvas,
      this.slider,
      this.beneath,
      controls,
      element('ul', { class: 'legend' }, ...legend),
    );
  }

  /** Whether there are numbers of points that the mask says were not seen. */
  private hidesPoints(): boolean {
    const { layout, mask, values } = this.keypoints;
    return mask?.some((there, point) => there === 0 && values[point * layout.dimensions] !== 0) === true;
  }

  private maskSwitch(): HTMLElement {
    const box = element('input', { type: 'checkbox', checked: true });
    box.addEventListener('change', () => {
      this.usesMask = box.checked;
      this.draw();
    });
    return element('label', {}, box, ' Mask: points not seen are hollow');
  }

  private play(): void {
    cancelAnimationFrame(this.request);
    this.isPlaying = true;
    this.playButton.textContent = 'Pause';
    const last = this.times.length - 1;
    if (this.frame >= last) this.show(0);
    let begun: number | undefined;
    const from = elementAt(this.times, this.frame);
    const step = (now: number): void => {
      begun ??= now;
      const moment = from + (now - begun) * this.speed;
      if (moment > elementAt(this.times, last) + 400)
        begun = now + from / this.speed; // Again from the start, after a pause.
      else {
        const next = this.times.findLastIndex((time) => time <= moment);
        if (next !== this.frame) this.show(Math.max(0, next));
      }
      if (this.isPlaying) this.request = requestAnimationFrame(step);
    };
    this.request = requestAnimationFrame(step);
  }

  private pause(): void {
    this.isPlaying = false;
    cancelAnimationFrame(this.request);
    this.playButton.textContent = 'Play';
  }

  /** Shows a frame, wherever it comes from. */
  private show(frame: number): void {
    this.frame = frame;
    this.slider.value = String(frame);
    const seconds = elementAt(this.times, frame) / 1000;
    this.place.textContent = `${frame + 1} of ${this.times.length} · ${seconds.toFixed(2)} s`;
    this.slider.setAttribute('aria-valuetext', `frame ${frame + 1} of ${this.times.length}`);
    this.draw();
    for (const listener of this.listeners) listener(frame);
  }

  private draw(): void {
    const context = this.canvas.getContext('2d');
    if (context === null) return;
    context.setTransform(2, 0, 0, 2, 0, 0);
    const { size, view } = this.stage;
    context.clearRect(0, 0, size.width, size.height);
    context.lineCap = 'round';
    context.lineJoin = 'round';
    const { layout, mask, values } = this.keypoints;
    drawSkeleton(
      context,
      frameOf(values, layout, this.frame),
      this.skeleton,
      view,
      (point) => this.usesMask && mask?.[this.frame * layout.points.length + point] === 0,
    );
  }
}

/** Red pose, blue left hand, green right hand, orange face. */
export function styleFor(dark: boolean): SkeletonStyle {
  return {
    colours: dark
      ? { pose: '#f0757a', left_hand: '#75a7ff', right_hand: '#5fd08b', face: '#f5a04c', other: '#f0757a' }
      : { pose: '#d13b40', left_hand: '#2f6fdb', right_hand: '#218a4b', face: '#d97a16', other: '#d13b40' },
    thickness: { pose: 3.4, left_hand: 2.2, right_hand: 2.2, face: 1.5, other: 3.4 },
    dots: { pose: 3.6, left_hand: 2.6, right_hand: 2.6, face: 2.4, other: 3.2 },
    pointSize: 3,
    paper: dark ? '#1a212a' : '#ffffff',
  };
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
