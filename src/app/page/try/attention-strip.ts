import { elementAt } from '../../../foundation/required';
import { element, vector } from '../shared/elements';
import type { Player } from '../shared/player';

/** The height of the plot, in units of its own. */
const HEIGHT = 100;
/** A frame whose share is so many times an even one is called out. */
const MUCH = 1.5;

/** How much each frame counted for what the model saw: a bar a frame under the player's slider, each below the slider's place for it. A press on a bar shows its frame. */
export class AttentionStrip {
  readonly root: HTMLElement;
  private readonly bars: readonly SVGElement[];
  private readonly said = element('output', { class: 'quiet' });
  private readonly multiples: readonly number[];

  /** @param shares of the frames that the model saw, the first ones of the clip: they add up to 1. */
  constructor(
    shares: readonly number[],
    private readonly player: Player,
  ) {
    const { frames } = player;
    const steps = Math.max(1, frames - 1);
    this.multiples = shares.map((share) => share * shares.length);
    const most = Math.max(2, ...this.multiples);
    const heightOf = (times: number): number => (HEIGHT * times) / most;
    this.bars = this.multiples.map((times, frame) =>
      vector('rect', { x: frame + 0.1, y: HEIGHT - heightOf(times), width: 0.8, height: heightOf(times) }),
    );
    const even = HEIGHT - heightOf(1);
    // From the middle of the first bar to the middle of the last: there the slider's thumb stands at its ends.
    const plot = vector(
      'svg',
      { viewBox: `0.5 0 ${steps} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': this.description() },
      ...this.bars,
      vector('line', { x1: 0, x2: frames, y1: even, y2: even, class: 'even' }),
      ...(shares.length < frames
        ? [vector('rect', { x: shares.length, y: 0, width: frames - shares.length, height: HEIGHT, class: 'unseen' })]
        : []),
    );
    plot.addEventListener('pointerdown', (event) => {
      plot.setPointerCapture(event.pointerId);
      this.seek(event, plot);
    });
    plot.addEventListener('pointermove', (event) => {
      if (event.buttons === 1) this.seek(event, plot);
    });
    const room = element('div', { class: 'attention-plot' });
    room.append(plot);
    const caption = element('figcaption', {}, element('strong', {}, 'Attention over time'), ' ', this.said);
    this.root = element('figure', { class: 'attention' }, room, caption, element('p', { class: 'quiet' }, WHAT_IT_IS));
    player.listen((frame) => {
      this.mark(frame);
    });
  }

  private seek(event: PointerEvent, plot: SVGElement): void {
    const { left, width } = plot.getBoundingClientRect();
    const last = this.player.frames - 1;
    this.player.seek(Math.max(0, Math.min(last, Math.round(((event.clientX - left) / width) * last))));
  }

  private mark(frame: number): void {
    this.root.querySelector('.current')?.classList.remove('current');
    this.bars[frame]?.classList.add('current');
    const times = this.multiples[frame];
    this.said.textContent =
      times === undefined ? `frame ${frame + 1}: the model does not see it` : `frame ${frame + 1}: ${times.toFixed(2)} × an even share`;
  }

  /** `… Most on frames 12 to 18.` */
  private description(): string {
    const best = this.multiples.indexOf(Math.max(...this.multiples));
    let [from, to] = [best, best];
    while (from > 0 && elementAt(this.multiples, from - 1) >= MUCH) from--;
    while (to < this.multiples.length - 1 && elementAt(this.multiples, to + 1) >= MUCH) to++;
    const most = from === to ? `frame ${best + 1}` : `frames ${from + 1} to ${to + 1}`;
    return `Attention over time: how much each of ${this.multiples.length} frames counts. Most at ${most}, up to ${elementAt(this.multiples, best).toFixed(1)} times an even share.`;
  }
}

const WHAT_IT_IS =
  'How much each frame counts for what the model sees: the mean over its attention heads and layers. The broken line is an even share.';
