import { layoutInWords } from '../../../config/keypoint-layout';
import { FileError } from '../../../data/data-error';
import type { Prediction } from '../../../evaluation/predict-clips';
import type { ReadClip } from '../../../evaluation/shown-clip';
import { element, percent } from '../shared/elements';
import { Player } from '../shared/player';
import { ranking } from '../shared/ranking';

/** What is shown of one clip: its skeleton, and the signs that the model sees in it. */
export class ClipCard {
  readonly root = element('div', { class: 'clip-result' });
  private player: Player | undefined;

  constructor(name: string, { facts, shown }: ReadClip, answer: Prediction | FileError) {
    const truth =
      facts.gloss === undefined ? [] : [element('p', { class: 'quiet' }, 'Its file says: ', element('strong', {}, facts.gloss))];
    this.root.append(
      element('div', { class: 'card' }, element('div', { class: 'clip-head' }, element('h3', {}, name), ...truth), this.stage(name, shown)),
      element('div', { class: 'card' }, ...seen(answer, facts.gloss)),
    );
  }

  /** Stops what plays. */
  dispose(): void {
    this.player?.dispose();
  }

  private stage(name: string, shown: ReadClip['shown']): HTMLElement {
    if (shown === undefined)
      return element('p', { class: 'empty' }, 'There are no key points in this file, so there is no skeleton to play.');
    const { layout, aspect, timestampsMs, values, mask } = shown;
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    const picture = {
      layout,
      aspect,
      description: layoutInWords(layout),
      timestamps_ms: timestampsMs,
      values: base64(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
    };
    this.player = new Player(mask === undefined ? picture : { ...picture, mask: base64(Uint8Array.from(mask)) }, name);
    return this.player.root;
  }
}

function seen(answer: Prediction | FileError, truth: string | undefined): HTMLElement[] {
  if (answer instanceof FileError) return [element('h3', {}, 'No prediction'), element('p', { class: 'problem' }, answer.problem)];
  const [best] = answer.gloss;
  const doubts = answer.doubts.map(({ text }) => element('li', {}, text));
  return [
    element('p', { class: 'quiet' }, 'The model sees'),
    element('p', { class: 'best' }, best?.label ?? '–', ' ', element('span', {}, best === undefined ? '' : percent(best.probability))),
    ...(doubts.length === 0
      ? []
      : [element('div', { class: 'doubts' }, element('strong', {}, 'Do not trust it:'), element('ul', {}, ...doubts))]),
    ranking('Sign', answer.gloss, truth),
    ...(answer.category.length > 1 ? [ranking('Category', answer.category, undefined)] : []),
  ];
}
