import type { EpochFigures, RunSummary } from '../../training-answers';
import { element, percent } from '../shared/elements';
import { LineChart } from '../shared/line-chart';
import type { WholeRun } from './api';
import { commandBox } from './command-box';
import { duration, epochLine, progressText, shareDone, STATES } from './words';

/** Lines of the log that are kept in the page. */
const MOST_LINES = 1000;

/** What can be done with a training. */
interface RunActions {
  readonly stop: () => void;
  /** @param epochs in all. */
  readonly resume: (epochs: string) => void;
}

/** A training: how far it is, its curves and its log, which grow as it goes on, and what can be done with it. */
export class RunView {
  readonly root: HTMLElement;
  private readonly state = element('span');
  private readonly progress = element('div');
  private readonly facts = element('dl');
  private readonly controls = element('div', { class: 'controls' });
  private readonly command = element('details');
  private readonly log = element('ol', { class: 'log', tabindex: 0, 'aria-label': 'Log' });
  private readonly loss = new LineChart({ title: 'Loss', across: 'Epoch' });
  private readonly accuracy = new LineChart({ title: 'Right answers', across: 'Epoch', format: percent, atLeast: { low: 0, high: 1 } });
  private readonly rate = new LineChart({ title: 'Learning rate', across: 'Epoch', atLeast: { low: 0 } });
  private readonly gradient = new LineChart({ title: 'Gradient norm', across: 'Epoch', atLeast: { low: 0 } });
  private waiting: EpochFigures[] = [];
  private last: EpochFigures | undefined;
  private controlsFor = '';
  private typed: string | undefined;

  /** @param before the view of the same training that it takes the place of: what was typed there stays. */
  constructor(
    private run: WholeRun,
    private readonly actions: RunActions,
    before?: RunView,
  ) {
    this.typed = before?.typed;
    const heading = element('div', { class: 'run-head' }, element('h2', {}, run.name), this.state);
    const charts = element('div', { class: 'charts' }, ...this.charts().map((chart) => element('div', { class: 'card' }, chart.root)));
    const log = element('section', { class: 'card', 'aria-labelledby': 'log-title' }, element('h3', { id: 'log-title' }, 'Log'), this.log);
    const head = element('div', { class: 'card' }, heading, this.progress, this.facts, this.controls, this.command);
    this.command.append(
      element('summary', {}, 'In a terminal'),
      element('p', { class: 'quiet' }, 'This goes on with it from where it was saved:'),
      commandBox(run.resume_command),
    );
    this.root = element('div', { class: 'run-view' }, head, charts, log);
    this.drawAll();
  }

  get name(): string {
    return this.run.name;
  }

  /** Epochs that it shows. */
  get epochsShown(): number {
    return this.last?.epoch ?? 0;
  }

  /** Shows how far it has come. */
  update(run: RunSummary): void {
    this.run = { ...this.run, ...run };
    this.showState();
  }

  /** Lets its curves and its log grow. */
  addEpoch(epoch: EpochFigures): void {
    this.last = epoch;
    this.addLine(epochLine(epoch, this.run), epoch.best ? 'best-line' : '');
    this.waiting.push(epoch);
    // Small epochs come many at once: they are drawn together.
    if (this.waiting.length > 1) return;
    requestAnimationFrame(() => {
      this.drawWaiting();
    });
  }

  /** Says what happened to it. */
  addIncident(text: string): void {
    this.addLine(`warning: ${text}`, 'warning-line');
  }

  /** Ends it. */
  dispose(): void {
    for (const chart of this.charts()) chart.dispose();
    this.root.remove();
  }

  private charts(): readonly LineChart[] {
    return [this.loss, this.accuracy, this.rate, this.gradient];
  }

  private drawAll(): void {
    const { epochs_done: epochs, incidents } = this.run;
    this.last = epochs.at(-1);
    let told = 0;
    const tellUntil = (epoch: number): void => {
      for (; told < incidents.length && (incidents[told]?.after_epoch ?? Infinity) < epoch; told++)
        this.addIncident(incidents[told]?.text ?? '');
    };
    for (const epoch of epochs) {
      tellUntil(epoch.epoch);
      this.addLine(epochLine(epoch, this.run), epoch.best ? 'best-line' : '');
    }
    tellUntil(Infinity);
    this.waiting = [...epochs];
    this.drawWaiting();
    requestAnimationFrame(() => {
      this.log.scrollTop = this.log.scrollHeight;
    });
  }

  private drawWaiting(): void {
    const epochs = this.waiting;
    this.waiting = [];
    const line = (height: (epoch: EpochFigures) => number): { x: number; y: number }[] =>
      epochs.map((epoch) => ({ x: epoch.epoch, y: height(epoch) }));
    this.loss.append('Training', ...line((epoch) => epoch.train_loss));
    this.loss.append('Validation', ...line((epoch) => epoch.val_loss));
    this.accuracy.append('Signs', ...line((epoch) => epoch.gloss_acc));
    if (this.run.has_categories) this.accuracy.append('Categories', ...line((epoch) => epoch.cat_acc));
    this.rate.append('Learning rate', ...line((epoch) => epoch.lr));
    this.gradient.append('Gradient norm', ...line((epoch) => epoch.gradient_norm));
    this.showState();
  }

  private addLine(text: string, kind: string): void {
    const isAtEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    this.log.append(element('li', kind === '' ? {} : { class: kind }, text));
    while (this.log.children.length > MOST_LINES) this.log.firstElementChild?.remove();
    if (isAtEnd) this.log.scrollTop = this.log.scrollHeight;
  }

  private showState(): void {
    const { run } = this;
    this.state.textContent = STATES[run.state];
    this.state.className = `state ${run.state}`;
    const bar = element('progress', { max: 1, value: shareDone(run), 'aria-label': 'How much of it is done' });
    this.progress.replaceChildren(element('p', {}, progressText(run)), ...(run.at_work === null ? [] : [bar]));
    this.facts.replaceChildren(
      ...factsOf(run, this.last).flatMap(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))),
    );
    if (this.log.children.length === 0) this.addLine('No epoch has ended yet.', 'quiet');
    else if (this.log.children.length > 1 && this.log.firstElementChild?.className === 'quiet') this.log.firstElementChild.remove();
    this.command.hidden = run.at_work !== null;
    this.showControls();
  }

  /** Made anew only where they change: the focus stays, and what was typed stays in any case. */
  private showControls(): void {
    const { state, epochs } = this.run;
    const wanted = `${state} ${epochs}`;
    if (wanted === this.controlsFor) return;
    this.controlsFor = wanted;
    if (state === 'running' || state === 'stopping') {
      const stop = element('button', { type: 'button', disabled: state === 'stopping' }, state === 'stopping' ? 'Stopping …' : 'Stop');
      stop.addEventListener('click', this.actions.stop);
      const said = 'It saves everything first, and can be gone on with later.';
      this.controls.replaceChildren(stop, element('span', { class: 'quiet' }, said));
      return;
    }
    const input = element('input', {
      type: 'text',
      inputmode: 'numeric',
      value: this.typed ?? (state === 'finished' ? epochs * 2 : epochs),
      size: 7,
    });
    input.addEventListener('input', () => {
      this.typed = input.value;
    });
    const form = element(
      'form',
      { class: 'controls' },
      element('button', { class: 'button primary' }, state === 'finished' ? 'Train further' : 'Go on'),
      element('label', {}, 'to epoch', input),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.typed = undefined;
      this.actions.resume(input.value);
    });
    this.controls.replaceChildren(form);
  }
}

function factsOf(
  { at_work: atWork, best, data, created, model }: RunSummary,
  last: EpochFigures | undefined,
): (readonly [name: string, value: string])[] {
  const left = atWork?.seconds_left ?? null;
  return [
    ...(atWork === null ? [] : [['Time left', left === null ? 'known after the first epoch' : `about ${duration(left)}`] as const]),
    ...(best === null ? [] : [['Best', `${percent(best.gloss_acc)} of signs right (epoch ${best.epoch})`] as const]),
    ...(last === undefined
      ? []
      : ([
          ['Speed', `${Math.round(last.clips_per_second)} clips a second`],
          ['Gradient norm', String(Number(last.gradient_norm.toPrecision(3)))],
          ['Memory', `${Math.round(last.memory_mb)} MB`],
        ] as const)),
    ['Model', model],
    ...(data === null ? [] : [['Data', data] as const]),
    ['Begun', new Date(created).toLocaleString()],
  ];
}
