import { byId } from '../shared/elements';
import { fetchModel, fetchRegistry } from '../shared/registry';
import { guarded, say } from '../shared/status';
import { modelList } from './model-list';
import { ModelPage } from './model-page';

const content = byId('content', HTMLElement);
let shown: ModelPage | undefined;
/** What was asked for last: answers to what was asked before it are left aside. */
let turn = 0;

/** Shows the model that the address names behind its #, or the list of all. */
async function show(): Promise<void> {
  const mine = ++turn;
  const name = decodeURIComponent(location.hash.slice(1));
  const isModel = name !== '' && name !== 'content';
  say(isModel ? `Looking at ${name} …` : 'Looking for models …', 'working');
  const made = isModel ? await pageOf(name) : await modelList();
  if (mine !== turn) return;
  shown?.dispose();
  shown = made instanceof ModelPage ? made : undefined;
  document.title = `${isModel ? name : 'Models'} · Kumpas`;
  content.replaceChildren(made instanceof ModelPage ? made.root : made);
  say('');
  if (mine === 1) return; // Nobody has gone anywhere yet.
  content.querySelector('h1')?.focus({ preventScroll: true });
  scrollTo({ top: 0 });
}

async function pageOf(name: string): Promise<ModelPage> {
  const [view, models] = await Promise.all([fetchModel(name), fetchRegistry()]);
  return new ModelPage(view, models, () => {
    guarded(show);
  });
}

addEventListener('hashchange', () => {
  if (location.hash !== '#content') guarded(show);
});
guarded(show);
