import { isSameSign } from '../../../evaluation/same-sign';
import { csvAddress } from '../shared/csv';
import { element, percent } from '../shared/elements';

/** What a model said of a clip: the likeliest sign, or why there is none; undefined while it has not said anything. */
export type Said = { readonly label: string; readonly probability: number | null } | { readonly error: string } | undefined;

/** A clip, and what each model said of it, in the order of the models. */
export interface ComparedClip {
  readonly file: string;
  /** The sign that it shows, where that is known. */
  readonly truth: string | undefined;
  readonly said: readonly Said[];
}

/** A table of clips and models: where they agree, where they do not, and how often each is right. */
export class ClipTable {
  readonly root = element('section', { class: 'card', 'aria-label': 'Clips' });
  private readonly body = element('tbody');
  private readonly summary = element('p', { class: 'quiet', role: 'status' });
  private readonly onlyDiffering = element('input', { type: 'checkbox' });
  private readonly shares = element('tr');
  private readonly download = element('a', { class: 'button', download: 'comparison.csv' }, 'Download as CSV');
  private clips: readonly ComparedClip[] = [];

  /** @param onOpen called with the place of the clip that is clicked on. */
  constructor(
    title: string,
    private readonly models: readonly string[],
    private readonly onOpen: (place: number) => void,
  ) {
    const columns = ['Clip', 'It shows', ...models].map((name) => element('th', { scope: 'col' }, name));
    const head = element('thead', {}, element('tr', {}, ...columns), this.shares);
    this.onlyDiffering.addEventListener('change', () => {
      this.fill();
    });
    this.root.append(
      element('div', { class: 'batch-head' }, element('h3', {}, title), this.download),
      this.summary,
      element('label', {}, this.onlyDiffering, ' Only where they differ'),
      element('div', { class: 'scrolling', tabindex: 0, role: 'region', 'aria-label': title }, element('table', {}, head, this.body)),
    );
  }

  /** Shows these clips, and no others. */
  show(clips: readonly ComparedClip[]): void {
    this.clips = clips;
    this.fill();
  }

  /** Frees the file that is offered. */
  dispose(): void {
    if (this.download.href !== '') URL.revokeObjectURL(this.download.href);
    this.root.remove();
  }

  private fill(): void {
    const { clips } = this;
    const rows = [...clips.entries()].filter(([, clip]) => !this.onlyDiffering.checked || differs(clip));
    this.body.replaceChildren(...rows.map(([place, clip]) => this.row(clip, place)));
    const whole = clips.filter(({ said }) => said.every((one) => one !== undefined && !('error' in one)));
    const agreed = whole.filter((clip) => !differs(clip)).length;
    this.summary.textContent = whole.length === 0 ? '' : `They agree on ${agreed} of ${whole.length} clips.`;
    const accuracies = this.models.map((_, model) => accuracyOf(clips, model));
    const isTold = accuracies.some((share) => share !== undefined);
    this.shares.hidden = !isTold;
    this.shares.replaceChildren(
      element('th', { scope: 'row', colspan: 2 }, 'Right, of clips whose sign is known'),
      ...accuracies.map((share) => element('td', { class: 'share' }, share === undefined ? '' : percent(share))),
    );
    this.offer();
  }

  private row(clip: ComparedClip, place: number): HTMLElement {
    const open = element('button', { type: 'button', class: 'link' }, clip.file);
    open.addEventListener('click', () => {
      this.onOpen(place);
    });
    const cells = clip.said.map((said) => cellOf(said, clip.truth));
    return element(
      'tr',
      differs(clip) ? { class: 'differs' } : {},
      element('th', { scope: 'row' }, open),
      element('td', {}, clip.truth ?? '–'),
      ...cells,
    );
  }

  private offer(): void {
    const header = ['file', 'truth', ...this.models.flatMap((name) => [name, `${name} confidence`])];
    const rows = this.clips.map(({ file, truth = '', said }) => [
      file,
      truth,
      ...said.flatMap((one) =>
        one === undefined ? ['', ''] : 'error' in one ? ['', one.error] : [one.label, one.probability?.toFixed(6) ?? ''],
      ),
    ]);
    if (this.download.href !== '') URL.revokeObjectURL(this.download.href);
    this.download.href = csvAddress([header, ...rows]);
  }
}

function cellOf(said: Said, truth: string | undefined): HTMLElement {
  if (said === undefined) return element('td', { class: 'quiet' }, '…');
  if ('error' in said) return element('td', { class: 'problem' }, said.error);
  const mark =
    truth === undefined
      ? []
      : [element('span', { class: isSameSign(said.label, truth) ? 'good' : 'problem' }, isSameSign(said.label, truth) ? '✓ ' : '✗ ')];
  const sure = said.probability === null ? '' : ` ${percent(said.probability)}`;
  return element('td', {}, ...mark, said.label, element('span', { class: 'quiet' }, sure));
}

/** Whether models say different signs of a clip, or one alone says any. */
function differs({ said }: ComparedClip): boolean {
  const labels = said.map((one) => (one === undefined || 'error' in one ? undefined : one.label));
  return new Set(labels).size > 1;
}

/** The share of clips whose sign is known, and of which a model said something, that it was right about. */
function accuracyOf(clips: readonly ComparedClip[], model: number): number | undefined {
  const told = clips.flatMap(({ truth, said }) => {
    const one = said.length > model ? said[model] : undefined;
    return truth === undefined || one === undefined || 'error' in one ? [] : [isSameSign(one.label, truth)];
  });
  return told.length === 0 ? undefined : told.filter(Boolean).length / told.length;
}
