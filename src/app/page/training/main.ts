import type { RunSummary, StartedTraining } from '../../training-answers';
import { byId } from '../shared/elements';
import { guarded, say } from '../shared/status';
import { fetchChoices, fetchRun, listenToRuns, resumeRun, startTraining, stopRun, stopStarted } from './api';
import { RunList } from './run-list';
import { RunView } from './run-view';
import { StartForm } from './start-form';
import { StartedList } from './started-list';
import { STATES } from './words';

const status = byId('status', HTMLElement);
const formPlace = byId('form', HTMLElement);
const runPlace = byId('run', HTMLElement);
const list = new RunList(byId('runs', HTMLElement), (name) => {
  guarded(() => choose(name));
});
const startedList = new StartedList(byId('started', HTMLElement), (id) => {
  guarded(() => stopStarted(id));
});

let runs: readonly RunSummary[] = [];
/** The name of the run that is looked at; undefined where none is. */
let chosen: string | undefined;
let view: RunView | undefined;
/** Those that were started here and that are shown as soon as they have a run. */
const awaited = new Set<string>();

async function choose(name: string): Promise<void> {
  chosen = name;
  history.replaceState(null, '', `#${encodeURIComponent(name)}`);
  showList();
  const run = await fetchRun(name);
  if (chosen !== name) return; // Another one was chosen meanwhile.
  const before = view;
  before?.dispose();
  const actions = {
    stop: () => {
      guarded(() => stopRun(name));
    },
    resume: (epochs: string) => {
      guarded(async () => {
        awaited.add((await resumeRun(name, epochs)).id);
        say('');
      });
    },
  };
  view = new RunView(run, actions, before?.name === name ? before : undefined);
  formPlace.hidden = true;
  runPlace.hidden = false;
  runPlace.replaceChildren(view.root);
  say('');
}

async function showForm(): Promise<void> {
  const form = new StartForm(await fetchChoices(), async (request) => {
    const started = await startTraining(request);
    awaited.add(started.id);
    formPlace.hidden = true;
  });
  chosen = undefined;
  view?.dispose();
  view = undefined;
  history.replaceState(null, '', '#');
  showList();
  runPlace.hidden = true;
  formPlace.hidden = false;
  formPlace.replaceChildren(form.root);
  say('');
  byId('field-model', HTMLElement).focus();
}

function showList(): void {
  list.show(runs, chosen);
  byId('no-runs', HTMLElement).hidden = runs.length > 0;
}

function takeRun(run: RunSummary): void {
  const known = runs.find(({ name }) => name === run.name);
  runs = known === undefined ? [run, ...runs] : runs.map((other) => (other.name === run.name ? run : other));
  showList();
  if (view?.name !== run.name) return;
  view.update(run);
  if (known !== undefined && known.state !== run.state && run.at_work === null) say(`${run.name}: ${STATES[run.state]}.`);
  // A training that was broken off goes on from before what it shows.
  if (run.completed_epochs < view.epochsShown) guarded(() => choose(run.name));
}

function takeStarted(started: readonly StartedTraining[]): void {
  startedList.show(started);
  for (const { id, state, run } of started) {
    if (!awaited.has(id) || state === 'starting') continue;
    awaited.delete(id);
    if (state === 'running' && run !== null) guarded(() => choose(run));
  }
}

byId('new', HTMLElement).addEventListener('click', () => {
  guarded(showForm);
});

listenToRuns({
  onSnapshot: ({ runs: all, started }) => {
    runs = all;
    showList();
    takeStarted(started);
    const named = chosen ?? decodeURIComponent(location.hash.slice(1));
    const first = runs.find(({ name }) => name === named) ?? (formPlace.hidden ? runs[0] : undefined);
    if (first !== undefined) guarded(() => choose(first.name));
    else if (formPlace.hidden) say('No model has been trained yet. Start a training: on the made-up demo set it takes about a minute.');
  },
  onRun: takeRun,
  onEpoch: ({ run, ...epoch }) => {
    if (view?.name === run && epoch.epoch > view.epochsShown) view.addEpoch(epoch);
  },
  onIncident: ({ run, text }) => {
    if (view?.name === run) view.addIncident(text);
  },
  onStarted: takeStarted,
  onConnection: (isThere) => {
    if (!isThere) say('The app does not answer: does it still run? Trainings go on without it.', 'problem');
    else if (status.classList.contains('problem')) say('');
  },
});
