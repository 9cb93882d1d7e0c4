import { element } from '../shared/elements';
import { fetchComparison, type StoredComparison } from '../shared/registry';
import { reasonOf } from '../shared/status';

type Contrast = StoredComparison['contrasts'][number];

/** A model set against a baseline: in a sentence, in figures, and sign by sign. */
export class ComparisonCard {
  readonly root = element('section', { class: 'card', 'aria-label': 'Better than before?' });
  private readonly result = element('div', { 'aria-live': 'polite' });
  private readonly choice: HTMLSelectElement;

  constructor(
    private readonly model: string,
    baselines: readonly string[],
  ) {
    this.choice = element('select', {}, ...baselines.map((name) => element('option', { value: name }, name)));
    this.root.append(element('h2', {}, 'Better than before?'));
    if (baselines.length === 0) {
      this.root.append(
        element(
          'p',
          { class: 'quiet' },
          'There is nothing to compare it with yet: neither a release nor another model that was evaluated on the same clips.',
        ),
      );
      return;
    }
    this.choice.addEventListener('change', () => {
      void this.load();
    });
    this.root.append(element('label', { class: 'model' }, 'Compared with ', this.choice), this.result);
    void this.load();
  }

  private async load(): Promise<void> {
    const baseline = this.choice.value;
    this.result.replaceChildren(element('p', { class: 'quiet' }, 'Comparing …'));
    try {
      const { contrasts, same_clips: isSame } = await fetchComparison([baseline, this.model]);
      if (baseline !== this.choice.value) return;
      const [contrast] = contrasts;
      if (contrast === undefined) return;
      this.result.replaceChildren(
        element('p', { class: 'verdict' }, contrast.verdict),
        ...(isSame
          ? []
          : [element('p', { class: 'doubts' }, 'They were evaluated on different clips, so the figures are of different clips too.')]),
        figuresTable(contrast, baseline, this.model),
        element(
          'div',
          { class: 'two-charts' },
          changes('Signs that got better', contrast.improved),
          changes('Signs that got worse', contrast.regressed),
        ),
      );
    } catch (error) {
      this.result.replaceChildren(element('p', { class: 'problem' }, reasonOf(error)));
    }
  }
}

/** The figures of two models side by side. */
function figuresTable({ figures }: Contrast, baseline: string, model: string): HTMLElement {
  const rows = figures.map(({ figure, before, now, larger_is_better: isMore }) => {
    const change = now - before;
    const isBetter = isMore ? change > 0 : change < 0;
    const kind = Math.abs(change) < 5e-5 ? 'quiet' : isBetter ? 'good' : 'problem';
    const text = Math.abs(change) < 5e-5 ? 'the same' : `${change > 0 ? '+' : '−'}${Math.abs(change).toFixed(4)}`;
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, figure.replace(/^gloss /, 'signs: ').replace(/^category /, 'categories: ')),
      element('td', {}, before.toFixed(4)),
      element('td', {}, now.toFixed(4)),
      element('td', { class: kind }, text),
    );
  });
  const head = ['Figure', baseline, model, 'Change'].map((name) => element('th', { scope: 'col' }, name));
  const table = element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows));
  return element('div', { class: 'scrolling', tabindex: 0, role: 'region', 'aria-label': `Figures of ${model} and ${baseline}` }, table);
}

function changes(title: string, signs: Contrast['improved']): HTMLElement {
  const items = signs
    .slice(0, 10)
    .map(({ label, clips, right_before: before, right_now: now }) =>
      element('li', {}, `${label}: ${now} of ${clips} right, before ${before}`),
    );
  const more = signs.length > 10 ? [element('p', { class: 'quiet' }, `and ${signs.length - 10} more`)] : [];
  return element(
    'div',
    {},
    element('h3', {}, title),
    items.length === 0 ? element('p', { class: 'quiet' }, 'None') : element('ul', {}, ...items),
    ...more,
  );
}
