import { fetchClip, fetchModels, fetchSample, fetchSamples, predictClips, type Answer, type Model } from '../shared/api';
import { byId, element, percent } from '../shared/elements';
import { BatchTable } from './batch-table';
import { ClipResult } from './clip-result';

const status = byId('status', HTMLElement);
const choice = byId('model', HTMLSelectElement);
const batchPlace = byId('batch', HTMLElement);
const clipPlace = byId('clip', HTMLElement);

let models: readonly Model[] = [];
let shown: ClipResult | undefined;
let table: BatchTable | undefined;
/** What was asked for last: answers to what was asked before it are left aside. */
let turn = 0;

function say(text: string, kind: 'quiet' | 'problem' | 'working' = 'quiet'): void {
  status.textContent = text;
  status.className = `status ${kind}`;
  status.hidden = text === '';
}

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
  turn++;
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

function clear(): void {
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
  const mine = ++turn;
  clear();
  say(files.length === 1 ? 'Recognising …' : `Recognising ${files.length} clips …`, 'working');
  const answers: Answer[] = [];
  if (files.length > 1) {
    table = new BatchTable(files.length, (place) => {
      guarded(() => showClip(files[place], answers[place], model));
    });
    batchPlace.replaceChildren(table.root);
    batchPlace.hidden = false;
  }
  await predictClips(model.name, files, (come) => {
    if (mine !== turn) return;
    answers.push(...come);
    table?.add(come);
  });
  if (mine !== turn) return;
  say(files.length === 1 ? '' : `${files.length} clips: click on one to see it.`);
  if (files.length === 1) await showClip(files[0], answers[0], model);
}

async function showClip(file: File | undefined, answer: Answer | undefined, model: Model): Promise<void> {
  if (file === undefined || answer === undefined) return;
  shown?.dispose();
  try {
    shown = new ClipResult(await fetchClip(file), answer, model);
    clipPlace.replaceChildren(shown.root);
    clipPlace.hidden = false;
    if (table !== undefined || clipPlace.getBoundingClientRect().top > innerHeight / 2) clipPlace.scrollIntoView({ block: 'start' });
  } catch (error) {
    clipPlace.hidden = true;
    throw error;
  }
}

/** Does something that takes its time; what goes wrong is said where results are. */
function guarded(work: () => Promise<void>): void {
  work().catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    say(error instanceof TypeError ? 'The app does not answer: has it been ended? Start it again with npm run app.' : text, 'problem');
  });
}

function takeDrops(): void {
  const zone = byId('drop', HTMLElement);
  const input = byId('files', HTMLInputElement);
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    input.value = '';
    guarded(() => tryClips(files));
  });
  for (const kind of ['dragenter', 'dragover'])
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add('over');
    });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) zone.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    const files = [...(event.dataTransfer?.files ?? [])];
    guarded(() => tryClips(files));
  });
}

choice.addEventListener('change', () => {
  guarded(chooseModel);
});
takeDrops();
guarded(begin);
