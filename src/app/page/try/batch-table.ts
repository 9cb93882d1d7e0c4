import type { Answer } from '../shared/api';
import { csvAddress } from '../shared/csv';
import { element, percent } from '../shared/elements';

/** A table of many clips, a row each as answers come; a row opens its clip, and all of it can be downloaded. */
export class BatchTable {
  readonly root = element('div', { class: 'card' });
  private readonly body = element('tbody');
  private readonly progress = element('progress', { max: 1, value: 0, 'aria-label': 'Clips recognised' });
  private readonly download = element('a', { class: 'button', download: 'predictions.csv', hidden: true }, 'Download as CSV');
  private readonly answers: Answer[] = [];
  private address: string | undefined;

  constructor(
    private readonly total: number,
    private readonly onOpen: (place: number) => void,
  ) {
    this.progress.max = total;
    const columns = ['Clip', 'Sign', 'Sure', 'Category', 'Doubts'].map((name) => element('th', { scope: 'col' }, name));
    const table = element('table', {}, element('thead', {}, element('tr', {}, ...columns)), this.body);
    this.root.append(
      element('div', { class: 'batch-head' }, element('h3', {}, `${total} clips`), this.download),
      this.progress,
      element('div', { class: 'scrolling', tabindex: 0, role: 'region', 'aria-label': 'Results of all clips' }, table),
    );
  }

  /** Adds rows at the end. */
  add(answers: readonly Answer[]): void {
    for (const answer of answers) {
      this.body.append(this.row(answer, this.answers.length));
      this.answers.push(answer);
    }
    this.progress.value = this.answers.length;
    this.progress.hidden = this.answers.length === this.total;
    if (this.answers.length === this.total) this.offer();
  }

  /** Frees the file that was offered. */
  dispose(): void {
    if (this.address !== undefined) URL.revokeObjectURL(this.address);
  }

  private row(answer: Answer, place: number): HTMLElement {
    const open = element('button', { type: 'button', class: 'link' }, answer.file);
    open.addEventListener('click', () => {
      this.onOpen(place);
    });
    const name = element('th', { scope: 'row' }, open);
    if ('error' in answer) return element('tr', {}, name, element('td', { colspan: 4, class: 'problem' }, answer.error));
    const [gloss] = answer.gloss;
    const cells = [
      gloss?.label ?? '–',
      gloss === undefined ? '' : percent(gloss.probability),
      answer.category.length > 1 ? (answer.category[0]?.label ?? '') : '',
      answer.warnings.join('; '),
    ];
    return element('tr', {}, name, ...cells.map((text) => element('td', {}, text)));
  }

  private offer(): void {
    const header = [
      'file',
      'pred_gloss',
      'pred_gloss_label',
      'confidence',
      'pred_category',
      'pred_category_label',
      'category_confidence',
      'warnings',
    ];
    const rows = this.answers.map((answer) => {
      if ('error' in answer) return [answer.file, '', '', '', '', '', '', answer.error];
      const cellsOf = (best: (typeof answer.gloss)[number] | undefined): string[] =>
        best === undefined ? ['', '', ''] : [String(best.id), best.label, best.probability.toFixed(6)];
      return [answer.file, ...cellsOf(answer.gloss[0]), ...cellsOf(answer.category[0]), answer.warnings.join('; ')];
    });
    this.address = csvAddress([header, ...rows]);
    this.download.href = this.address;
    this.download.hidden = false;
  }
}
