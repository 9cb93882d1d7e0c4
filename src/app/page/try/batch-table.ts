import { elementAt } from '../../../foundation/required';
import type { Answer } from '../shared/api';
import { csvAddress } from '../shared/csv';
import { element, percent } from '../shared/elements';

/** What is done with a table's clips. */
interface BatchActions {
  /** Opens the clip at a place. @param isStep whether the visitor goes through them one by one, and looks at the table or the clip already. */
  readonly onOpen: (place: number, isStep: boolean) => void;
  /** Recognises no more of them. */
  readonly onStop: () => void;
}

/**
 * A table of many clips, a row each as answers come. A row opens its clip; up and down lead from clip to clip, and so do the buttons of `steps`. It can be
 * stopped, and what is there can be downloaded.
 */
export class BatchTable {
  readonly root = element('div', { class: 'card' });
  /** Leads from the clip that is open to its neighbours. */
  readonly steps = element('div', { class: 'steps', hidden: true });
  private readonly heading = element('h3');
  private readonly body = element('tbody');
  private readonly progress = element('progress', { max: 1, value: 0, 'aria-label': 'Clips recognised' });
  private readonly stop = element('button', { type: 'button' }, 'Stop');
  private readonly downloads = element('div', { class: 'buttons' });
  private readonly before = element('button', { type: 'button' }, 'Previous clip');
  private readonly after = element('button', { type: 'button' }, 'Next clip');
  private readonly place = element('output', { class: 'quiet' });
  private readonly rows: { readonly row: HTMLElement; readonly open: HTMLElement }[] = [];
  private readonly answers: Answer[] = [];
  private readonly addresses: string[] = [];
  private opened: number | undefined;

  constructor(
    private readonly total: number,
    private readonly actions: BatchActions,
  ) {
    this.progress.max = total;
    this.heading.textContent = `0 of ${total} clips`;
    const columns = ['Clip', 'Sign', 'Sure', 'Category', 'Doubts'].map((name) => element('th', { scope: 'col' }, name));
    const table = element('table', {}, element('thead', {}, element('tr', {}, ...columns)), this.body);
    this.downloads.append(this.stop);
    this.root.append(
      element('div', { class: 'batch-head' }, this.heading, this.downloads),
      this.progress,
      element('div', { class: 'scrolling', tabindex: 0, role: 'region', 'aria-label': 'Results of all clips' }, table),
    );
    this.steps.append(this.before, this.after, this.place);
    this.stop.addEventListener('click', actions.onStop);
    this.before.addEventListener('click', () => {
      this.step(-1);
    });
    this.after.addEventListener('click', () => {
      this.step(1);
    });
    this.body.addEventListener('keydown', (event) => {
      const way = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
      if (way === 0 || !this.step(way)) return;
      event.preventDefault();
      elementAt(this.rows, this.opened ?? 0).open.focus();
    });
  }

  /** Adds rows at the end. */
  add(answers: readonly Answer[]): void {
    for (const answer of answers) {
      this.body.append(this.row(answer, this.answers.length));
      this.answers.push(answer);
    }
    this.progress.value = this.answers.length;
    const all = this.answers.length === this.total;
    this.heading.textContent = all ? `${this.total} clips` : `${this.answers.length} of ${this.total} clips`;
    this.showStep();
    if (all) this.end();
  }

  /** No more rows come: what is there is offered as files. */
  end(): void {
    this.progress.hidden = true;
    this.stop.remove();
    if (this.answers.length === 0) return;
    const json = `${JSON.stringify({ predictions: this.answers }, null, 2)}\n`;
    this.offer('CSV', csvAddress(this.cells()));
    this.offer('JSON', URL.createObjectURL(new Blob([json], { type: 'application/json' })));
  }

  /** Frees the files that were offered. */
  dispose(): void {
    for (const address of this.addresses) URL.revokeObjectURL(address);
  }

  private row(answer: Answer, place: number): HTMLElement {
    const open = element('button', { type: 'button', class: 'link' }, answer.file);
    open.addEventListener('click', () => {
      this.open(place, false);
    });
    const row = element('tr', {}, element('th', { scope: 'row' }, open), ...cellsOf(answer));
    this.rows.push({ row, open });
    return row;
  }

  /** @returns whether there is a clip that way. */
  private step(way: 1 | -1): boolean {
    const next = (this.opened ?? (way === 1 ? -1 : this.rows.length)) + way;
    if (next < 0 || next >= this.rows.length) return false;
    this.open(next, true);
    return true;
  }

  private open(place: number, isStep: boolean): void {
    this.rows[this.opened ?? place]?.row.classList.remove('open');
    this.opened = place;
    const { row, open } = elementAt(this.rows, place);
    this.root.querySelector('[aria-current]')?.removeAttribute('aria-current');
    row.classList.add('open');
    open.setAttribute('aria-current', 'true');
    this.showRow(row);
    this.showStep();
    this.actions.onOpen(place, isStep);
  }

  /** Scrolls the table, and not the page, to a row. */
  private showRow(row: HTMLElement): void {
    const room = row.closest('.scrolling');
    if (room === null) return;
    const [inside, outside] = [row.getBoundingClientRect(), room.getBoundingClientRect()];
    if (inside.top < outside.top) room.scrollTop -= outside.top - inside.top;
    else if (inside.bottom > outside.bottom) room.scrollTop += inside.bottom - outside.bottom;
  }

  private showStep(): void {
    if (this.opened === undefined) return;
    this.steps.hidden = false;
    this.before.disabled = this.opened === 0;
    this.after.disabled = this.opened === this.rows.length - 1;
    this.place.textContent = `${this.opened + 1} of ${this.rows.length}`;
  }

  private offer(kind: string, address: string): void {
    this.addresses.push(address);
    const attributes = { class: 'button', href: address, download: `predictions.${kind.toLowerCase()}` };
    this.downloads.append(element('a', attributes, `Download as ${kind}`));
  }

  /** The columns of `predictions.csv`, as an evaluation writes them. */
  private cells(): string[][] {
    const best = ['pred_gloss', 'pred_gloss_label', 'confidence', 'pred_category', 'pred_category_label', 'category_confidence'];
    const rows = this.answers.map((answer) => {
      if ('error' in answer) return [answer.file, '', '', '', '', '', '', answer.error];
      const likeliest = [answer.gloss[0], answer.category[0]].flatMap((one) =>
        one === undefined ? ['', '', ''] : [String(one.id), one.label, one.probability.toFixed(6)],
      );
      return [answer.file, ...likeliest, answer.warnings.join('; ')];
    });
    return [['file', ...best, 'warnings'], ...rows];
  }
}

function cellsOf(answer: Answer): HTMLElement[] {
  if ('error' in answer) return [element('td', { colspan: 4, class: 'problem' }, answer.error)];
  const [gloss] = answer.gloss;
  const cells = [
    gloss?.label ?? '–',
    gloss === undefined ? '' : percent(gloss.probability),
    answer.category.length > 1 ? (answer.category[0]?.label ?? '') : '',
    answer.warnings.join('; '),
  ];
  return cells.map((text) => element('td', {}, text));
}
