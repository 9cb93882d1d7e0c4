import type { ClipView, RankedClass } from './api';
import { element } from './elements';
import { Player } from './player';
import { ranking } from './ranking';

/** What a model said of a clip: the likeliest signs, or why there are none. */
export interface SaidOfClip {
  readonly model: string;
  readonly classes: readonly RankedClass[] | string;
}

/** A clip's skeleton beside what models say of it. */
export class ClipPanel {
  readonly root = element('div', { class: 'clip-panel card' });
  private readonly player: Player | undefined;

  /** @param truth the sign that it shows, where that is known. */
  constructor(view: ClipView, said: readonly SaidOfClip[], truth: string | undefined) {
    const heading = element('h3', { tabindex: -1 }, view.name);
    const shows = element('p', { class: 'quiet' }, 'It shows: ', element('strong', {}, truth ?? 'nobody says'));
    this.player = view.player === undefined ? undefined : new Player(view.player, view.name);
    const stage =
      this.player?.root ?? element('p', { class: 'empty' }, 'There are no key points in this clip, so there is no skeleton to play.');
    const rankings = said.map(({ model, classes }) =>
      typeof classes === 'string'
        ? element('div', { class: 'ranking' }, element('h4', {}, model), element('p', { class: 'problem' }, classes))
        : ranking(model, classes, truth),
    );
    this.root.append(element('div', {}, heading, shows, stage), element('div', { class: 'rankings' }, ...rankings));
  }

  /** Brings it into view, and the keyboard to it. */
  focus(): void {
    this.root.scrollIntoView({ block: 'nearest' });
    this.root.querySelector('h3')?.focus({ preventScroll: true });
  }

  /** Stops what plays, and takes it away. */
  dispose(): void {
    this.player?.dispose();
    this.root.remove();
  }
}
