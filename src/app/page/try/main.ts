import { fetchAttention, fetchClip, fetchModels, fetchSample, fetchSamples, predictClips, type Answer, type Model } from '../shared/api';
import { takeDrops } from '../shared/drops';
import { byId, element, percent } from '../shared/elements';
import { guarded, say } from '../shared/status';
import { BatchTable } from './batch-table';
import { ClipResult } from './clip-result';

const choice = byId('model', HTMLSelectElement);
const batchPlace = byId('batch', HTMLElement);
const clipPlace = byId('clip', HTMLElement);

let models: readonly Model[] = [];
let shown: ClipResult | undefined;
let table: BatchTable | undefined;
/** What was asked for last: it is aborted where something else is asked. */
let turn = new AbortController();
/** Counts the clips that were opened: one that comes after another was opened is left aside. */
let opening = 0;

function currentModel(): Model | undefined {
  return models.find(({ name }) => name === choice.value);
}

async function begin(): Promise<void> {
  say('Looking for models …', 'working');
  models = await fetchModels();
  choice.replaceChildren(...models.map(({ name }) => element('option', { value: name }, name)));
  choice.disabled = models.length === 0;
  if (models.length === 0) {
    byId('samples', HTMLElement).hidden = true;
    say(
      'There is no model yet. In a terminal, npm run train -- --model transformer trains one on a demo set in a minute; then load this page again.',
      'problem',
    );
    return;
  }
  await chooseModel();
}

/** Shows what is known of the model, and clips to try it on. */
async function chooseModel(): Promise<void> {
  const model = currentModel();
  if (model === undefined) return;
  clear();
  byId('model-card', HTMLElement).textContent = describe(model);
  say('Loading the model …', 'working');
  const { source, samples } = await fetchSamples(model.name);
  byId('samples', HTMLElement).hidden = samples.length === 0;
  byId('samples-source', HTMLElement).textContent = `From ${source}.`;
  byId('samples-list', HTMLElement).replaceChildren(
    ...samples.map(({ name, gloss }, place) => {
      const chip = element('button', { type: 'button', class: 'chip', title: name }, gloss ?? name);
      chip.addEventListener('click', () => {
        guarded(async () => {
          await tryClips([await fetchSample(model.name, place, name)]);
        });
      });
      return element('li', {}, chip);
    }),
  );
  say('Drop a clip, or take a sample: its skeleton plays here, beside the signs that the model sees.');
}

function describe({ type, version, stage, epoch, gloss_acc: gloss, cat_acc: category, synthetic }: Model): string {
  const parts = [
    `${type}${version === null ? '' : ` ${version}`}, ${stage}`,
    ...(gloss === null ? [] : [`${percent(gloss)} of signs right in validation`]),
    ...(category === null ? [] : [`${percent(category)} of categories`]),
    ...(epoch === null ? [] : [`epoch ${epoch}`]),
    ...(synthetic ? ['trained on the synthetic demo set'] : []),
  ];
  return parts.join(' · ');
}

/** Ends what was asked before, and takes its results away. */
function clear(): void {
  turn.abort();
  turn = new AbortController();
  opening++;
  shown?.dispose();
  table?.dispose();
  [shown, table] = [undefined, undefined];
  batchPlace.hidden = true;
  clipPlace.hidden = true;
}

/** Recognises clips: of one its skeleton is shown, of many a table. */
async function tryClips(files: readonly File[]): Promise<void> {
  const model = currentModel();
  if (model === undefined || files.length === 0) return;
  clear();
  const mine = turn;
  say(files.length === 1 ? 'Recognising …' : `Recognising ${files.length} clips …`, 'working');
  const answers: Answer[] = [];
  if (files.length > 1) beginTable(files, answers, model);
  try {
    await predictClips(
      model.name,
      files,
      (come) => {
        if (mine.signal.aborted) return;
        answers.push(...come);
        table?.add(come);
      },
      mine.signal,
    );
  } catch (error) {
    if (!mine.signal.aborted) throw error;
    if (mine.signal.reason === STOPPED) {
      table?.end();
      say(`Stopped after ${answers.length} of ${files.length} clips.`);
    }
    return;
  }
  say(files.length === 1 ? '' : `${files.length} clips: click on one to see it. Up and down lead to the next.`);
  if (files.length === 1) await showClip(files[0], answers[0], model);
}

/** Why a visitor's own wish ended something. */
const STOPPED = 'stopped';

function beginTable(files: readonly File[], answers: readonly Answer[], model: Model): void {
  const mine = turn;
  table = new BatchTable(files.length, {
    onOpen: (place, isStep) => {
      guarded(() => showClip(files[place], answers[place], model, isStep));
    },
    onStop: () => {
      mine.abort(STOPPED);
    },
  });
  batchPlace.replaceChildren(table.root);
  batchPlace.hidden = false;
}

/** @param staysThere whether the page stays where it is scrolled to. */
async function showClip(file: File | undefined, answer: Answer | undefined, model: Model, staysThere = false): Promise<void> {
  if (file === undefined || answer === undefined) return;
  const mine = ++opening;
  let result: ClipResult;
  try {
    const view = await fetchClip(file);
    if (mine !== opening) return;
    shown?.dispose();
    result = new ClipResult(view, answer, model);
  } catch (error) {
    if (mine === opening) clipPlace.hidden = true;
    throw error;
  }
  shown = result;
  clipPlace.replaceChildren(...(table === undefined ? [] : [table.steps]), result.root);
  clipPlace.hidden = false;
  const isFarDown = table !== undefined || clipPlace.getBoundingClientRect().top > innerHeight / 2;
  if (isFarDown && !staysThere) clipPlace.scrollIntoView({ block: 'start' });
  if ('error' in answer) return;
  const attention = await fetchAttention(model.name, file);
  if (shown === result && attention !== null) result.showAttention(attention.overall);
}

choice.addEventListener('change', () => {
  guarded(chooseModel);
});
takeDrops(byId('drop', HTMLElement), byId('files', HTMLInputElement), (files) => {
  guarded(() => tryClips(files));
});
guarded(begin);
