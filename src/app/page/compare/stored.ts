import { element, percent } from '../shared/elements';
import { LineChart } from '../shared/line-chart';
import { fetchModel, type StoredComparison } from '../shared/registry';

/** What the evaluations of models say: in sentences, in figures, and in the curves of their trainings. */
export class StoredView {
  readonly root = element('section', { class: 'card', 'aria-label': 'As they were evaluated' });
  private readonly charts: LineChart[] = [];

  constructor(comparison: StoredComparison) {
    const { contrasts, models, same_clips: isSame, warnings } = comparison;
    const notes = [...(isSame ? [] : ['They were evaluated on different clips: only clips that they share can be compared.']), ...warnings];
    this.root.append(
      element('h3', {}, 'As they were evaluated'),
      ...contrasts.map(({ verdict }) => element('p', { class: 'verdict' }, verdict)),
      ...(notes.length === 0
        ? []
        : [element('div', { class: 'doubts' }, element('ul', {}, ...notes.map((note) => element('li', {}, note))))]),
      figuresOf(models),
    );
    void this.addCurves(models.map(({ title }) => title));
  }

  dispose(): void {
    for (const chart of this.charts) chart.dispose();
    this.root.remove();
  }

  /** The curves of those whose trainings were logged, over each other. */
  private async addCurves(titles: readonly string[]): Promise<void> {
    const views = await Promise.all(titles.map((title) => fetchModel(title).catch(() => undefined)));
    const logged = views.flatMap((view) => (view === undefined || view.curves.length === 0 ? [] : [view]));
    if (logged.length === 0) return;
    const loss = new LineChart({ title: 'Validation loss', across: 'Epoch', atLeast: { low: 0 } });
    const right = new LineChart({ title: 'Signs right in validation', across: 'Epoch', format: percent, atLeast: { low: 0, high: 1 } });
    this.charts.push(loss, right);
    this.root.append(element('div', { class: 'two-charts' }, loss.root, right.root));
    loss.show(logged.map(({ model, curves }) => ({ name: model.name, points: curves.map(({ epoch, val_loss: y }) => ({ x: epoch, y })) })));
    right.show(
      logged.map(({ model, curves }) => ({ name: model.name, points: curves.map(({ epoch, gloss_acc: y }) => ({ x: epoch, y })) })),
    );
  }
}

function figuresOf(models: StoredComparison['models']): HTMLElement {
  const head = ['Model', 'Signs right', 'Likely between', 'Among the first five', 'Categories right', 'Macro F1'];
  const rows = models.map(({ title, gloss, category }) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, title),
      ...[
        percent(gloss.accuracy),
        `${percent(gloss.accuracy_ci95_low)} and ${percent(gloss.accuracy_ci95_high)}`,
        percent(gloss.top_5_accuracy),
        category === null ? '–' : percent(category.accuracy),
        gloss.f1_macro.toFixed(4),
      ].map((text) => element('td', {}, text)),
    ),
  );
  const table = element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...head.map((name) => element('th', { scope: 'col' }, name)))),
    element('tbody', {}, ...rows),
  );
  return element('div', { class: 'scrolling', tabindex: 0, role: 'region', 'aria-label': 'Figures of the models' }, table);
}
