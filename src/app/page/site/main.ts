import './browser-globals';
import { messageOf, UserError } from '../../../foundation/errors';
import { shownClipOf } from '../../../evaluation/shown-clip';
import { takeDrops } from '../shared/drops';
import { byId, element } from '../shared/elements';
import { say } from '../shared/status';
import { ClipCard } from './clip-card';
import { openNpz } from './npz';
import { fetched, SiteModel } from './site-model';

const clipPlace = byId('clip', HTMLElement);
let shown: ClipCard | undefined;

/** What computes, in words. */
const COMPUTED_BY = {
  webgl: 'by the graphics card (WebGL)',
  wasm: 'by the processor (WebAssembly)',
  cpu: 'by the processor, slowly (JavaScript)',
};

/** Lets the browser show what was said before something keeps it busy. */
function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

async function begin(): Promise<void> {
  say('Loading the model …', 'working');
  await painted();
  const model = await SiteModel.load(new URLSearchParams(location.search).get('backend'));
  const { title, samples, synthetic } = model.description;
  document.title = `${title} · Kumpas`;
  byId('title', HTMLElement).textContent = title;
  const { numGloss, numCategory } = model.loaded.model;
  byId('model-card', HTMLElement).textContent = [
    `It knows ${numGloss} signs in ${numCategory} ${numCategory === 1 ? 'category' : 'categories'}.`,
    ...(synthetic ? ['It was trained on the synthetic demo set: its signs are made up, and it knows no real sign language.'] : []),
    `It is computed in this page, ${COMPUTED_BY[model.backend]}.`,
  ].join(' ');
  byId('samples', HTMLElement).hidden = samples.length === 0;
  byId('samples-list', HTMLElement).replaceChildren(
    ...samples.map(({ file, name, gloss }) => {
      const chip = element('button', { type: 'button', class: 'chip', title: name }, gloss ?? name);
      chip.addEventListener('click', () => {
        guarded(async () => {
          await show(model, `${name}.npz`, await fetched(file));
        });
      });
      return element('li', {}, chip);
    }),
  );
  const input = byId('file', HTMLInputElement);
  input.disabled = false;
  takeDrops(byId('drop', HTMLElement), input, ([file]) => {
    if (file !== undefined) guarded(async () => show(model, file.name, new Uint8Array(await file.arrayBuffer())));
  });
  document.documentElement.dataset['backend'] = model.backend;
  say('Drop a clip, or take a sample: its skeleton plays here, beside the signs that the model sees.');
}

/** Recognises a clip and shows it. */
async function show(model: SiteModel, name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  shown?.dispose();
  clipPlace.hidden = true;
  say('Recognising …', 'working');
  await painted();
  const arrays = openNpz(name, bytes);
  const { answer, logits } = model.recognise(name, await model.clipOf(arrays));
  shown = new ClipCard(
    name,
    await shownClipOf(arrays, { kp_key: model.description.key }, () => Promise.resolve(model.loaded.keypoints)),
    answer,
  );
  clipPlace.replaceChildren(shown.root);
  clipPlace.hidden = false;
  say('');
  if (clipPlace.getBoundingClientRect().top > innerHeight / 2) clipPlace.scrollIntoView({ block: 'start' });
  // For pages that are made of this one: what the model gave, a number for each class.
  document.dispatchEvent(new CustomEvent('recognised', { detail: { name, answer, logits } }));
}

function guarded(work: () => Promise<void>): void {
  work().catch((error: unknown) => {
    if (!(error instanceof UserError)) reportError(error);
    say(messageOf(error), 'problem');
  });
}

guarded(begin);
