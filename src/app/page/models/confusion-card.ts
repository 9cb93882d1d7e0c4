import { fetchClip } from '../shared/api';
import { ClipPanel } from '../shared/clip-panel';
import { element, percent } from '../shared/elements';
import {
  fetchConfusion,
  fetchEvaluatedClip,
  fetchEvaluatedClips,
  type ConfusionCell,
  type EvaluatedClip,
  type Head,
} from '../shared/registry';
import { reasonOf } from '../shared/status';
import { ConfusionMatrix } from './confusion-matrix';

/** The confusion matrix of a model; a click on a cell lists its clips, a click on a clip plays it. */
export class ConfusionCard {
  readonly root = element('section', { class: 'card', 'aria-label': 'What is taken for what' });
  private readonly matrixPlace = element('div', {}, element('p', { class: 'quiet' }, 'Counting …'));
  private readonly clipsPlace = element('div', { class: 'cell-clips', 'aria-live': 'polite' });
  private panel: ClipPanel | undefined;
  private head: Head = 'gloss';

  constructor(private readonly model: string) {
    this.root.append(element('h2', {}, 'What is taken for what'), this.matrixPlace, this.clipsPlace);
    void this.load();
  }

  /** Stops what plays. */
  dispose(): void {
    this.panel?.dispose();
  }

  private async load(): Promise<void> {
    try {
      const confusion = await fetchConfusion(this.model, this.head);
      const matrix = new ConfusionMatrix(confusion, (cell, said) => {
        void this.listClips(cell, said);
      });
      this.matrixPlace.replaceChildren(...(confusion.heads.length > 1 ? [this.choice(confusion.heads)] : []), matrix.root);
    } catch (error) {
      this.matrixPlace.replaceChildren(element('p', { class: 'quiet' }, reasonOf(error)));
    }
  }

  /** Signs or categories. */
  private choice(heads: readonly Head[]): HTMLElement {
    const names = { gloss: 'Signs', category: 'Categories' } as const;
    const buttons = heads.map((head) => {
      const button = element(
        'button',
        { type: 'button', class: 'chip', 'aria-pressed': head === this.head ? 'true' : 'false' },
        names[head],
      );
      button.addEventListener('click', () => {
        this.head = head;
        this.panel?.dispose();
        this.clipsPlace.replaceChildren();
        void this.load();
      });
      return button;
    });
    return element('div', { class: 'chips', role: 'group', 'aria-label': 'Of what' }, ...buttons);
  }

  private async listClips({ truth, predicted }: ConfusionCell, said: string): Promise<void> {
    this.panel?.dispose();
    try {
      const { total, clips } = await fetchEvaluatedClips(this.model, { head: this.head, truth, predicted });
      const chips = clips.map((clip) => {
        const sure = clip.gloss.confidence === null ? '' : `${percent(clip.gloss.confidence)} sure`;
        const chip = element('button', { type: 'button', class: 'chip', title: sure }, clip.file);
        chip.addEventListener('click', () => {
          void this.play(clip);
        });
        return element('li', {}, chip);
      });
      const more = total > clips.length ? [element('p', { class: 'quiet' }, `The first ${clips.length} of ${total} clips.`)] : [];
      this.clipsPlace.replaceChildren(element('h3', {}, said), element('ul', { class: 'chips' }, ...chips), ...more);
    } catch (error) {
      this.clipsPlace.replaceChildren(element('p', { class: 'problem' }, reasonOf(error)));
    }
  }

  private async play({ place, file, gloss, likeliest }: EvaluatedClip): Promise<void> {
    this.panel?.dispose();
    this.clipsPlace.querySelector('.problem')?.remove();
    try {
      const view = await fetchClip(await fetchEvaluatedClip(this.model, place, file));
      this.panel = new ClipPanel(view, [{ model: 'What the model saw', classes: likeliest }], gloss.truth.label);
      this.clipsPlace.append(this.panel.root);
      this.panel.focus();
    } catch (error) {
      this.clipsPlace.append(element('p', { class: 'problem' }, reasonOf(error)));
    }
  }
}
