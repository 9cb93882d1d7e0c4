import { element, percent } from '../shared/elements';
import { fetchRegistry, type ListedModel } from '../shared/registry';

/** A column of the list. */
interface Column {
  readonly title: string;
  /** What it is sorted by; null comes last. */
  readonly key: (model: ListedModel) => string | number | null;
  readonly shown: (model: ListedModel) => readonly (Node | string)[];
  /** Whether a first click shows the largest first. */
  readonly largestFirst?: true;
}

const COLUMNS: readonly Column[] = [
  { title: 'Model', key: ({ name }) => name, shown: nameCell },
  { title: 'Type', key: ({ type }) => type, shown: ({ type }) => [type] },
  { title: 'Version', key: ({ version }) => version, shown: ({ version }) => [version ?? '–'], largestFirst: true },
  { title: 'Stage', key: ({ stage }) => stage, shown: ({ stage }) => [stageBadge(stage)] },
  {
    title: 'Signs right',
    key: ({ gloss_acc: share }) => share,
    shown: ({ gloss_acc: share, best }) => shareCell(share, best),
    largestFirst: true,
  },
  {
    title: 'Categories right',
    key: ({ cat_acc: share }) => share,
    shown: ({ cat_acc: share }) => shareCell(share, false),
    largestFirst: true,
  },
  { title: 'F1', key: ({ f1 }) => f1, shown: ({ f1 }) => [f1 === null ? '–' : f1.toFixed(3)], largestFirst: true },
  { title: 'Size', key: ({ bytes }) => bytes, shown: ({ bytes }) => [megabytes(bytes)], largestFirst: true },
  { title: 'Made', key: ({ created }) => created, shown: ({ created }) => [dateOf(created)], largestFirst: true },
];

/** All models of the registry: sorted by what one clicks on, narrowed by what one types. */
export async function modelList(): Promise<HTMLElement> {
  const models = await fetchRegistry();
  const heading = element('h1', { tabindex: -1 }, 'Models');
  if (models.length === 0) {
    const command = element('code', {}, 'npm run train -- --model transformer');
    return element(
      'div',
      {},
      heading,
      element('p', { class: 'status' }, 'There is no model yet. In a terminal, ', command, ' trains one on a demo set in a minute.'),
    );
  }
  let [sortedBy, isReversed] = [8, true];
  const search = element('input', { type: 'search', placeholder: 'Name, type, version, stage', 'aria-label': 'Search the models' });
  const count = element('p', { class: 'quiet', role: 'status' });
  const body = element('tbody');
  const heads = COLUMNS.map(({ title, largestFirst }, place) => {
    const button = element('button', { type: 'button', class: 'sort' }, title);
    button.addEventListener('click', () => {
      isReversed = sortedBy === place ? !isReversed : largestFirst === true;
      sortedBy = place;
      fill();
    });
    return element('th', { scope: 'col' }, button);
  });
  const fill = (): void => {
    const wanted = search.value.trim().toLowerCase();
    const found = models.filter(({ name, type, version, stage }) =>
      `${name} ${type} ${version ?? ''} ${stage}`.toLowerCase().includes(wanted),
    );
    const column = COLUMNS[sortedBy];
    const sorted = column === undefined ? found : found.toSorted((one, other) => order(column.key(one), column.key(other), isReversed));
    body.replaceChildren(...sorted.map(rowOf));
    count.textContent = found.length === models.length ? counted(models.length) : `${found.length} of ${counted(models.length)}`;
    for (const [place, head] of heads.entries())
      head.setAttribute('aria-sort', place !== sortedBy ? 'none' : isReversed ? 'descending' : 'ascending');
  };
  search.addEventListener('input', fill);
  fill();
  const table = element('table', { class: 'models' }, element('thead', {}, element('tr', {}, ...heads)), body);
  return element('div', {}, element('div', { class: 'list-head' }, heading, search, count), element('div', { class: 'card' }, table));
}

function rowOf(model: ListedModel): HTMLElement {
  const cells = COLUMNS.map(({ title, shown }, place) =>
    element(place === 0 ? 'th' : 'td', place === 0 ? { scope: 'row' } : { 'data-column': title }, ...shown(model)),
  );
  return element('tr', {}, ...cells);
}

function counted(models: number): string {
  return models === 1 ? '1 model' : `${models} models`;
}

/** What is not known comes last, in either direction. */
function order(one: string | number | null, other: string | number | null, isReversed: boolean): number {
  if (one === other) return 0;
  if (one === null || other === null) return one === null ? 1 : -1;
  const less = typeof one === 'string' && typeof other === 'string' ? one.localeCompare(other, 'en', { numeric: true }) < 0 : one < other;
  return less === isReversed ? 1 : -1;
}

function nameCell({ name, synthetic }: ListedModel): readonly (Node | string)[] {
  const link = element('a', { href: `#${encodeURIComponent(name)}` }, name);
  return synthetic ? [link, ' ', element('span', { class: 'quiet' }, 'demo set')] : [link];
}

function shareCell(share: number | null, isBest: boolean): readonly (Node | string)[] {
  if (share === null) return ['–'];
  return isBest ? [percent(share), ' ', element('span', { class: 'tag good' }, 'best')] : [percent(share)];
}

/** Where a model is in its life. */
export function stageBadge(stage: string): HTMLElement {
  return element('span', { class: stage === 'production' ? 'tag good' : 'tag' }, stage);
}

/** Bytes as `4.2 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** An ISO date as `2026-11-26`. */
export function dateOf(iso: string): string {
  return iso.slice(0, 10);
}
