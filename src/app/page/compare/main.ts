import { fetchClip, fetchSample, fetchSamples } from '../shared/api';
import { ClipPanel, type SaidOfClip } from '../shared/clip-panel';
import { takeDrops } from '../shared/drops';
import { byId, element } from '../shared/elements';
import {
  fetchComparison,
  fetchEvaluatedClip,
  fetchEvaluatedClips,
  fetchRegistry,
  type ListedModel,
  type StoredComparison,
} from '../shared/registry';
import { guarded, say } from '../shared/status';
import { ClipTable } from './clip-table';
import { Recognition, type ClipToRecognise } from './recognition';
import { StoredView } from './stored';

/** More models than that nobody compares at a look, and the app refuses it. */
const MOST_MODELS = 8;
/** Validation clips that are recognised anew: their evaluation tells of all of them at once. */
const MOST_VALIDATION = 200;

const places = { stored: byId('stored', HTMLElement), clips: byId('clips', HTMLElement), clip: byId('clip', HTMLElement) };
let models: readonly ListedModel[] = [];
let stored: StoredView | undefined;
let table: ClipTable | undefined;
let panel: ClipPanel | undefined;
let recognition: Recognition | undefined;
/** What was asked for last: answers to what was asked before it are left aside. */
let turn = 0;

function chosen(): string[] {
  return [...document.querySelectorAll<HTMLInputElement>('#models input:checked')].map(({ value }) => value);
}

async function begin(): Promise<void> {
  models = await fetchRegistry();
  if (models.length < 2) {
    say('To compare, it takes two models at least: train another one, and load this page again.', 'problem');
    for (const control of document.querySelectorAll<HTMLButtonElement | HTMLInputElement>('.intake button, .intake input'))
      control.disabled = true;
    return;
  }
  const asked = location.hash.slice(1).split(',').map(decodeURIComponent);
  const known = models.filter(({ name }) => asked.includes(name)).map(({ name }) => name);
  const first = known.length > 0 ? known : models.slice(0, 2).map(({ name }) => name);
  byId('models', HTMLElement).append(
    ...models.map(({ name }) => {
      const box = element('input', { type: 'checkbox', value: name, checked: first.includes(name) });
      box.addEventListener('change', () => {
        guarded(compareChosen);
      });
      return element('label', {}, box, ` ${name}`);
    }),
  );
  await compareChosen();
}

function clear(): void {
  recognition?.stop();
  for (const shown of [stored, table, panel]) shown?.dispose();
  [stored, table, panel, recognition] = [undefined, undefined, undefined, undefined];
  for (const place of Object.values(places)) place.replaceChildren();
}

/** Shows what the evaluations of the chosen models say. */
async function compareChosen(): Promise<void> {
  const mine = ++turn;
  clear();
  const titles = chosen();
  if (titles.length < 2 || titles.length > MOST_MODELS) {
    say(`Choose two to ${MOST_MODELS} models.`);
    return;
  }
  say('Comparing …', 'working');
  try {
    const comparison = await fetchComparison(titles);
    if (mine === turn) showStored(titles, comparison);
  } catch (error) {
    if (mine !== turn) return;
    // One that was not evaluated can recognise clips all the same.
    if (error instanceof TypeError) throw error;
    say(
      `Drop clips, or take samples, to see what they say. Their evaluations cannot be compared: ${error instanceof Error ? error.message : ''}`,
    );
  }
}

function showStored(titles: readonly string[], comparison: StoredComparison): void {
  say('');
  stored = new StoredView(comparison);
  places.stored.replaceChildren(stored.root);
  const { clips, clips_of: owner, shared_clips: total } = comparison;
  if (clips.length === 0) return;
  const title = clips.length < total ? `${clips.length} of their ${total} validation clips` : `Their ${total} validation clips`;
  table = new ClipTable(title, titles, (place) => {
    guarded(async () => {
      const clip = clips[place];
      if (clip === undefined || clip.place === null || owner === null) return;
      const { place: at, file, truth } = clip;
      const said = await Promise.all(titles.map((model) => storedSaid(model, file)));
      await showClip(await fetchEvaluatedClip(owner, at, file), said, truth);
    });
  });
  places.clips.replaceChildren(table.root);
  table.show(
    clips.map(({ file, truth, said }) => ({
      file,
      truth,
      said: said.map(({ label, confidence }) => (label === null ? { error: 'not told' } : { label, probability: confidence })),
    })),
  );
}

/** The likeliest signs that a model's evaluation names for a clip. */
async function storedSaid(model: string, file: string): Promise<SaidOfClip> {
  for (let offset = 0; ; offset += 1000) {
    const { clips, total } = await fetchEvaluatedClips(model, { limit: 1000, offset });
    const found = clips.find((clip) => clip.file === file);
    if (found !== undefined) return { model, classes: found.likeliest };
    if (offset + clips.length >= total || clips.length === 0) return { model, classes: 'It was not evaluated on this clip.' };
  }
}

/** Lets the chosen models recognise clips, now. */
async function recognise(title: string, gather: (isCurrent: () => boolean) => Promise<readonly ClipToRecognise[]>): Promise<void> {
  const names = chosen();
  if (names.length < 2) {
    say('Choose two models or more.', 'problem');
    return;
  }
  const mine = ++turn;
  clear();
  say('Reading the clips …', 'working');
  const clips = await gather(() => mine === turn);
  if (mine !== turn || clips.length === 0) return;
  const progress = element('progress', { max: 1, value: 0, 'aria-label': 'Clips recognised' });
  const stop = element('button', { type: 'button' }, 'Stop');
  const running = new Recognition(names, clips, (done, total) => {
    progress.value = done / total;
    shown.show(running.rows());
  });
  const shown = new ClipTable(title, names, (place) => {
    guarded(async () => {
      const clip = running.clips[place];
      if (clip === undefined) return;
      const said = running.of(place).map(({ model, answer }) => ({ model, classes: saidBy(answer) }));
      await showClip(clip.file, said, running.rows()[place]?.truth);
    });
  });
  stop.addEventListener('click', () => {
    running.stop();
  });
  [recognition, table] = [running, shown];
  const controls = element('div', { class: 'controls' }, progress, stop);
  places.clips.replaceChildren(controls, shown.root);
  shown.show(running.rows());
  say(`${clips.length} clips, ${names.length} models …`, 'working');
  try {
    await running.run();
  } finally {
    controls.remove();
  }
  if (mine !== turn) return;
  shown.show(running.rows());
  say('Click on a clip to see it, and what each model says of it.');
}

function saidBy(answer: ReturnType<Recognition['of']>[number]['answer']): SaidOfClip['classes'] {
  if (answer === undefined) return 'It has not been asked.';
  return 'error' in answer ? answer.error : answer.gloss;
}

async function showClip(file: File, said: readonly SaidOfClip[], truth: string | undefined): Promise<void> {
  const view = await fetchClip(file);
  panel?.dispose();
  panel = new ClipPanel(view, said, truth);
  places.clip.replaceChildren(panel.root);
  panel.focus();
}

/** Samples of the first of the chosen models. */
async function samples(): Promise<readonly ClipToRecognise[]> {
  const [model] = chosen();
  if (model === undefined) return [];
  const { samples: offered } = await fetchSamples(model);
  if (offered.length === 0) throw new Error('There are no samples for this kind of model: drop clips of your own.');
  const clips: ClipToRecognise[] = [];
  for (const [place, { name, gloss }] of offered.entries())
    clips.push({ file: await fetchSample(model, place, name), truth: gloss ?? undefined });
  return clips;
}

/** The clips that the first of the chosen models was evaluated on. */
async function validationClips(isCurrent: () => boolean): Promise<readonly ClipToRecognise[]> {
  const [model] = chosen();
  if (model === undefined) return [];
  const { clips: evaluated } = await fetchEvaluatedClips(model, { limit: MOST_VALIDATION });
  const clips: ClipToRecognise[] = [];
  for (const { place, file, gloss } of evaluated) {
    if (!isCurrent()) break;
    say(`Reading the clips: ${clips.length + 1} of ${evaluated.length} …`, 'working');
    clips.push({ file: await fetchEvaluatedClip(model, place, file), truth: gloss.truth.label });
  }
  return clips;
}

function takeClips(): void {
  takeDrops(byId('drop', HTMLElement), byId('files', HTMLInputElement), (files) => {
    guarded(() => recognise('Clips of your own', () => Promise.resolve(files.map((file) => ({ file, truth: undefined })))));
  });
  byId('samples', HTMLButtonElement).addEventListener('click', () => {
    guarded(() => recognise('Samples', samples));
  });
  byId('validation', HTMLButtonElement).addEventListener('click', () => {
    guarded(() => recognise('Validation clips, recognised now', validationClips));
  });
}

takeClips();
guarded(begin);
