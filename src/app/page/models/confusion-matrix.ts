import { elementAt } from '../../../foundation/required';
import { element, percent } from '../shared/elements';
import type { ConfusedClass, Confusion, ConfusionCell } from '../shared/registry';

/** More rows than that cannot be told apart: those of the classes with most mistakes are shown. */
const MOST_CLASSES = 120;
/** Names stand beside the rows while there is room for them, and counts in the cells. */
const MOST_NAMED = 32;
const MOST_COUNTED = 20;
const MOST_LISTED = 8;

type Direction = 'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown';

/**
 * Which classes were taken for which: a row for what a clip shows, a column for what the model saw, and a button where there are clips. What is under the pointer,
 * or has the keyboard, is told in words; the arrow keys go from one cell to the next.
 */
export class ConfusionMatrix {
  readonly root = element('div', { class: 'confusion' });
  private readonly shown: readonly ConfusedClass[];
  private readonly readout = element('p', { class: 'readout', 'aria-live': 'off' });
  private readonly buttons = new Map<HTMLButtonElement, { readonly row: number; readonly column: number }>();

  constructor(
    private readonly confusion: Confusion,
    private readonly onCell: (cell: ConfusionCell, said: string) => void,
  ) {
    this.shown = shownClasses(confusion);
    const hidden = confusion.classes.length - this.shown.length;
    const more =
      hidden === 0
        ? []
        : [element('p', { class: 'quiet' }, `Those ${this.shown.length} of ${confusion.classes.length} are shown that are mistaken most.`)];
    this.readout.textContent = 'Point at a cell to see what it is; click on it to see its clips.';
    this.root.append(element('div', { class: 'matrix-and-list' }, this.grid(), this.mixUps()), this.readout, ...more);
  }

  private grid(): HTMLElement {
    const { shown } = this;
    const isNamed = shown.length <= MOST_NAMED;
    const grid = element('div', {
      class: 'matrix',
      role: 'group',
      'aria-label': 'Confusion matrix: rows are what a clip shows, columns what the model saw',
    });
    grid.style.setProperty('--classes', String(shown.length));
    const places = new Map(shown.map(({ id }, place) => [id, place]));
    for (const cell of this.confusion.cells) {
      const [row, column] = [places.get(cell.truth), places.get(cell.predicted)];
      if (row === undefined || column === undefined) continue;
      grid.append(this.button(cell, row, column));
    }
    const [first] = this.inOrder();
    if (first !== undefined) first.tabIndex = 0;
    grid.addEventListener('keydown', (event) => {
      this.onKey(event);
    });
    const names = isNamed ? shown.map(({ label }) => element('span', { title: label }, label)) : [];
    const rows = element('div', { class: 'row-names', 'aria-hidden': 'true' }, ...names);
    rows.style.setProperty('--classes', String(shown.length));
    return element(
      'div',
      { class: isNamed ? 'matrix-room named' : 'matrix-room' },
      element('p', { class: 'axis across quiet', 'aria-hidden': 'true' }, 'what the model saw →'),
      rows,
      grid,
      element('p', { class: 'axis quiet', 'aria-hidden': 'true' }, '↑ what the clip shows, from top to bottom'),
    );
  }

  private button(cell: ConfusionCell, row: number, column: number): HTMLButtonElement {
    const said = this.inWords(cell);
    const isRight = cell.truth === cell.predicted;
    const count = this.shown.length <= MOST_COUNTED ? String(cell.clips) : '';
    const button = element(
      'button',
      { type: 'button', class: isRight ? 'cell right' : 'cell wrong', 'aria-label': said, tabindex: -1 },
      count,
    );
    const share = cell.clips / Math.max(1, elementAt(this.shown, row).clips);
    button.style.setProperty('--share', `${Math.round(15 + 30 * Math.sqrt(share))}%`);
    button.style.setProperty('--solid', `${Math.round(35 + 65 * Math.sqrt(share))}%`);
    button.style.gridArea = `${row + 1} / ${column + 1}`;
    const tell = (): void => {
      this.readout.textContent = said;
    };
    button.addEventListener('pointerenter', tell);
    button.addEventListener('focus', tell);
    button.addEventListener('click', () => {
      this.onCell(cell, said);
    });
    this.buttons.set(button, { row, column });
    return button;
  }

  /** `GOOD taken for HELLO: 2 clips, 40.0 % of the 5 of GOOD`. */
  private inWords({ truth, predicted, clips }: ConfusionCell): string {
    const of = this.classOf(truth);
    const counted = `${clips} ${clips === 1 ? 'clip' : 'clips'}`;
    const share = `${percent(clips / Math.max(1, of.clips))} of the ${of.clips} that show it`;
    return truth === predicted
      ? `${of.label} seen as what it is: ${counted}, ${share}`
      : `${of.label} taken for ${this.classOf(predicted).label}: ${counted}, ${share}`;
  }

  private classOf(id: number): ConfusedClass {
    const found = this.confusion.classes.find((one) => one.id === id);
    if (found === undefined) throw new Error(`missing: the class ${id}`);
    return found;
  }

  private inOrder(): HTMLButtonElement[] {
    return [...this.buttons].sort(([, one], [, other]) => one.row - other.row || one.column - other.column).map(([button]) => button);
  }

  private onKey(event: KeyboardEvent): void {
    const from = event.target instanceof HTMLButtonElement ? event.target : undefined;
    const place = from && this.buttons.get(from);
    if (from === undefined || place === undefined || !isDirection(event.key)) return;
    event.preventDefault();
    const next = this.next(place, event.key);
    if (next === undefined) return;
    from.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /** The nearest cell that has clips in a direction: of those in the same row or column first. */
  private next({ row, column }: { readonly row: number; readonly column: number }, key: Direction): HTMLButtonElement | undefined {
    const isAcross = key === 'ArrowLeft' || key === 'ArrowRight';
    const sign = key === 'ArrowRight' || key === 'ArrowDown' ? 1 : -1;
    const ahead = [...this.buttons].flatMap(([button, place]) => {
      const [along, aside] = isAcross ? [place.column - column, place.row - row] : [place.row - row, place.column - column];
      const steps = along * sign;
      return steps <= 0 ? [] : [{ button, effort: steps + 1000 * Math.abs(aside) }];
    });
    return ahead.sort((one, other) => one.effort - other.effort)[0]?.button;
  }

  /** The mistakes that were made most, as a list: what the matrix shows, for those who cannot point at a small cell. */
  private mixUps(): HTMLElement {
    const wrong = this.confusion.cells
      .filter(({ truth, predicted }) => truth !== predicted)
      .toSorted((one, other) => other.clips - one.clips);
    const items = wrong.slice(0, MOST_LISTED).map((cell) => {
      const names = `${this.classOf(cell.truth).label} taken for ${this.classOf(cell.predicted).label}`;
      const button = element('button', { type: 'button', class: 'link' }, names);
      button.addEventListener('click', () => {
        this.onCell(cell, this.inWords(cell));
      });
      return element('li', {}, button, ` ${cell.clips} of ${this.classOf(cell.truth).clips}`);
    });
    const list = items.length === 0 ? element('p', {}, 'Nothing was mistaken for anything else.') : element('ol', {}, ...items);
    return element('div', { class: 'mix-ups' }, element('h3', {}, 'Mistaken most'), list);
  }
}

function isDirection(key: string): key is Direction {
  return key === 'ArrowLeft' || key === 'ArrowRight' || key === 'ArrowUp' || key === 'ArrowDown';
}

/** All classes that are not too many; else those of the clips that were mistaken, those with most mistakes first, in the order of their ids. */
function shownClasses({ classes, cells }: Confusion): readonly ConfusedClass[] {
  if (classes.length <= MOST_CLASSES) return classes;
  const mistakes = new Map<number, number>();
  for (const { truth, predicted, clips } of cells) {
    if (truth === predicted) continue;
    for (const id of [truth, predicted]) mistakes.set(id, (mistakes.get(id) ?? 0) + clips);
  }
  const worst = classes.toSorted((one, other) => (mistakes.get(other.id) ?? 0) - (mistakes.get(one.id) ?? 0)).slice(0, MOST_CLASSES);
  return worst.sort((one, other) => one.id - other.id);
}
