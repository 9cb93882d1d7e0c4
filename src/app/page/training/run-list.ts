import type { RunSummary } from '../../training-answers';
import { element } from '../shared/elements';
import { progressText, shareDone, STATES } from './words';

/** The trainings to choose from: those that run come first. */
export class RunList {
  private readonly items = new Map<string, { readonly item: HTMLLIElement; readonly button: HTMLButtonElement }>();

  constructor(
    private readonly list: HTMLElement,
    private readonly onChoose: (name: string) => void,
  ) {}

  /** Shows these, in their order; what stays is kept, so that the focus is. */
  show(runs: readonly RunSummary[], chosen: string | undefined): void {
    for (const [name, { item }] of this.items) {
      if (runs.some((run) => run.name === name)) continue;
      item.remove();
      this.items.delete(name);
    }
    for (const [place, run] of runs.entries()) {
      const { item, button } = this.items.get(run.name) ?? this.make(run.name);
      this.fill(button, run);
      if (run.name === chosen) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
      if (this.list.children[place] !== item) this.list.insertBefore(item, this.list.children[place] ?? null);
    }
  }

  private make(name: string): { readonly item: HTMLLIElement; readonly button: HTMLButtonElement } {
    const button = element('button', { type: 'button', class: 'run' });
    button.addEventListener('click', () => {
      this.onChoose(name);
    });
    const made = { item: element('li', {}, button), button };
    this.items.set(name, made);
    return made;
  }

  private fill(button: HTMLButtonElement, run: RunSummary): void {
    const bar = element('progress', { max: 1, value: shareDone(run), 'aria-label': `How much of ${run.name} is done` });
    const parts = [
      element('span', { class: 'name' }, run.name),
      element('span', { class: `state ${run.state}` }, STATES[run.state]),
      element('span', { class: 'quiet' }, progressText(run)),
    ];
    button.replaceChildren(...parts, ...(run.at_work === null ? [] : [bar]));
  }
}
