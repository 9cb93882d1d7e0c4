import type { StartedTraining } from '../../training-answers';
import { element } from '../shared/elements';
import { commandBox } from './command-box';

/** Those that were started and have no run yet, or could not begin: with the command line, and what it said. */
export class StartedList {
  private readonly hidden = new Set<string>();
  private shown: readonly StartedTraining[] = [];

  constructor(
    private readonly place: HTMLElement,
    private readonly stop: (id: string) => void,
  ) {}

  /** Shows these. */
  show(started: readonly StartedTraining[]): void {
    this.shown = started;
    const told = started.filter(({ id, state }) => !this.hidden.has(id) && (state === 'starting' || state === 'failed'));
    this.place.replaceChildren(...told.map((one) => this.card(one)));
  }

  private card({ id, model, command, state, output, run }: StartedTraining): HTMLElement {
    const isStarting = state === 'starting';
    const title = run ?? model;
    const said = isStarting
      ? element('p', { class: 'status working' }, `Getting ${title} ready: the data is read and checked …`)
      : element('p', { class: 'status problem' }, `${title} has ended with an error.`);
    const button = element('button', { type: 'button' }, isStarting ? 'Cancel' : 'Close');
    button.addEventListener('click', () => {
      if (isStarting) this.stop(id);
      else this.hidden.add(id);
      this.show(this.shown);
    });
    const lines =
      output === '' ? [] : [element('pre', { class: 'output', tabindex: 0, 'aria-label': 'What it printed' }, lastLines(output))];
    const aside = element('p', { class: 'quiet' }, 'The same in a terminal:');
    return element(
      'div',
      { class: 'card started' },
      said,
      ...lines,
      aside,
      commandBox(command),
      element('div', { class: 'controls' }, button),
    );
  }
}

function lastLines(output: string): string {
  return output.split('\n').slice(-12).join('\n');
}
