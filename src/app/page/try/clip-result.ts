import type { Answer, ClipView, Model } from '../shared/api';
import { element, percent } from '../shared/elements';
import { Player } from '../shared/player';
import { ranking } from '../shared/ranking';

/** What is shown of one clip: its skeleton, what the model sees in it, and what the file holds. */
export class ClipResult {
  readonly root = element('div', { class: 'clip-result' });
  private player: Player | undefined;

  constructor(view: ClipView, answer: Answer, model: Model) {
    const left = element('div', { class: 'card' }, this.header(view), this.stage(view));
    const right = element('div', { class: 'card' }, ...seen(view, answer, model));
    this.root.append(left, right, facts(view));
  }

  /** Stops what plays. */
  dispose(): void {
    this.player?.dispose();
  }

  private header({ name, feeds, gloss }: ClipView): HTMLElement {
    const truth = gloss === undefined ? [] : [element('p', { class: 'quiet' }, 'Its file says: ', element('strong', {}, gloss))];
    return element('div', { class: 'clip-head' }, element('h3', {}, name, ' ', badge(feeds)), ...truth);
  }

  private stage(view: ClipView): HTMLElement {
    if (view.player === undefined)
      return element(
        'p',
        { class: 'empty' },
        'There are no key points in this file, so there is no skeleton to play. Its features are recognised all the same.',
      );
    this.player = new Player(view.player, view.name);
    return this.player.root;
  }
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

function facts({ frames, seconds, framesPerSecond, parts, arrays, meta }: ClipView): HTMLElement {
  const rows: (readonly [string, string])[] = [
    ['Frames', `${frames}`],
    ['Length', `${seconds.toFixed(2)} s${framesPerSecond === undefined ? '' : ` at ${framesPerSecond.toFixed(1)} frames a second`}`],
    ...parts.map(({ part, missing, masked }): readonly [string, string] => [
      part.replaceAll('_', ' '),
      `${percent(missing)} missing${masked > 0 ? `, ${percent(masked)} filled in though not seen` : ''}`,
    ]),
    ...arrays.map(({ name, type, shape }): readonly [string, string] => [name, `${type} [${shape.join(', ')}]`]),
  ];
  const said = Object.entries(meta).map(([key, value]): readonly [string, string] => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return element(
    'div',
    { class: 'card facts' },
    element('details', { open: true }, element('summary', {}, 'What is in the clip'), definitions(rows)),
    ...(said.length === 0 ? [] : [element('details', {}, element('summary', {}, 'What its meta says'), definitions(said))]),
  );
}

function definitions(rows: readonly (readonly [string, string])[]): HTMLElement {
  return element('dl', {}, ...rows.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))));
}
