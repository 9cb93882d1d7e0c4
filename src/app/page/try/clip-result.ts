import type { Answer, ClipView, Model } from '../shared/api';
import { element, percent } from '../shared/elements';
import { Player } from '../shared/player';
import { ranking } from '../shared/ranking';
import { AttentionStrip } from './attention-strip';
import { facts } from './clip-facts';
import { MovementView } from './movement-view';

/** What is shown of one clip: its skeleton, what the model sees in it, how it moves, and what the file holds. */
export class ClipResult {
  readonly root = element('div', { class: 'clip-result' });
  private readonly player: Player | undefined;
  private readonly movement: MovementView | undefined;

  constructor(view: ClipView, answer: Answer, model: Model) {
    this.player = view.player && new Player(view.player, view.name);
    this.movement = this.player && new MovementView(this.player);
    const left = element('div', { class: 'card' }, header(view), this.player?.root ?? element('p', { class: 'empty' }, NO_KEYPOINTS));
    const right = element('div', { class: 'card' }, ...seen(view, answer, model));
    this.root.append(left, right, ...(this.movement === undefined ? [] : [this.movement.root]), facts(view, this.player));
  }

  /** Shows under the player how much each frame counted: shares that add up to 1. */
  showAttention(shares: readonly number[]): void {
    if (this.player === undefined) return;
    this.player.beneath.replaceChildren(new AttentionStrip(shares, this.player).root);
  }

  /** Stops what plays. */
  dispose(): void {
    this.player?.dispose();
    this.movement?.dispose();
  }
}

const NO_KEYPOINTS = 'There are no key points in this file, so there is no skeleton to play. Its features are recognised all the same.';

function header({ name, feeds, gloss }: ClipView): HTMLElement {
  const truth = gloss === undefined ? [] : [element('p', { class: 'quiet' }, 'Its file says: ', element('strong', {}, gloss))];
  return element('div', { class: 'clip-head' }, element('h3', {}, name, ' ', badge(feeds)), ...truth);
}

/** Which kinds of models the file can feed: T for key points, I for features of pictures, B for both. */
function badge(feeds: readonly string[]): HTMLElement {
  const letter = feeds.length > 1 ? 'B' : feeds.length === 0 ? '?' : feeds[0] === 'transformer' ? 'T' : feeds[0] === 'iv3_gru' ? 'I' : '+';
  const said = feeds.length === 0 ? 'It feeds no model: neither X nor X2048 is in it' : `It can feed: ${feeds.join(' and ')}`;
  return element('abbr', { class: 'badge', title: said, 'aria-label': said }, letter);
}

function seen(view: ClipView, answer: Answer, model: Model): HTMLElement[] {
  if ('error' in answer)
    return [element('h3', {}, 'No prediction'), element('p', { class: 'problem' }, `${model.name} cannot use this clip: ${answer.error}`)];
  const [best] = answer.gloss;
  const doubts = answer.warnings.map((text) => element('li', {}, text));
  return [
    element('p', { class: 'quiet' }, `${model.name} sees`),
    element(
      'p',
      { class: 'best', id: 'best' },
      best?.label ?? '–',
      ' ',
      element('span', {}, best === undefined ? '' : percent(best.probability)),
    ),
    ...(doubts.length === 0
      ? []
      : [element('div', { class: 'doubts' }, element('strong', {}, 'Do not trust it:'), element('ul', {}, ...doubts))]),
    ranking('Sign', answer.gloss, view.gloss),
    ...(answer.category.length > 1 ? [ranking('Category', answer.category, undefined)] : []),
    ...(model.synthetic
      ? [
          element(
            'p',
            { class: 'quiet' },
            'This model was trained on the synthetic demo set: its signs are made up, and it knows no real sign language.',
          ),
        ]
      : []),
  ];
}
