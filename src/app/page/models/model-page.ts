import { element, percent } from '../shared/elements';
import { LineChart } from '../shared/line-chart';
import { markdown } from '../shared/markdown';
import type { Figures, ListedModel, ModelView } from '../shared/registry';
import { ComparisonCard } from './comparison-card';
import { ConfusionCard } from './confusion-card';
import { dateOf, megabytes, stageBadge } from './model-list';
import { openPromotion, openRelease } from './release-dialogs';

/** All of one model: its figures, curves, mistakes, releases and card, and what can be done with it. */
export class ModelPage {
  readonly root = element('div', { class: 'model-page' });
  private readonly charts: LineChart[] = [];
  private readonly confusion: ConfusionCard | undefined;

  /** @param onChange called once it was promoted or released. */
  constructor(
    private readonly view: ModelView,
    private readonly models: readonly ListedModel[],
    private readonly onChange: () => void,
  ) {
    const { evaluation, model, baselines, card } = view;
    this.confusion = evaluation === null ? undefined : new ConfusionCard(model.name);
    this.root.append(
      this.head(),
      ...this.problems(),
      this.figures(),
      ...this.curves(),
      ...(this.confusion === undefined ? [] : [this.confusion.root]),
      ...(evaluation === null ? [] : [new ComparisonCard(model.name, baselines).root]),
      ...this.versions(),
      ...this.history(),
      ...(card === null
        ? []
        : [element('section', { class: 'card', 'aria-label': 'Its card' }, element('h2', {}, 'Its card'), markdown(withoutTitle(card)))]),
    );
  }

  /** Stops what plays, and frees the charts. */
  dispose(): void {
    this.confusion?.dispose();
    for (const chart of this.charts) chart.dispose();
  }

  private head(): HTMLElement {
    const { model, facts, evaluation } = this.view;
    const others = this.models.filter(({ name, gloss_acc: share }) => name !== model.name && share !== null);
    const buttons =
      facts === null
        ? []
        : [
            ...(others.length === 0 || evaluation === null
              ? []
              : [
                  element(
                    'a',
                    {
                      class: 'button',
                      href: `/compare#${[model, ...others.slice(0, 1)].map(({ name }) => encodeURIComponent(name)).join(',')}`,
                    },
                    'Compare',
                  ),
                ]),
            this.action('Promote …', openPromotion),
            this.action('Release …', openRelease),
          ];
    return element(
      'div',
      {},
      element('p', {}, element('a', { href: '#' }, '← All models')),
      element(
        'div',
        { class: 'model-head' },
        element('h1', { tabindex: -1 }, model.name),
        element(
          'p',
          { class: 'tags' },
          stageBadge(model.stage),
          ...(model.version === null ? [] : [element('span', { class: 'tag' }, `v${model.version}`)]),
        ),
        element('div', { class: 'actions' }, ...buttons),
      ),
      element('p', { class: 'quiet' }, this.summary()),
    );
  }

  private action(title: string, open: (view: ModelView, onDone: () => void) => void): HTMLElement {
    const button = element('button', { type: 'button' }, title);
    button.addEventListener('click', () => {
      open(this.view, this.onChange);
    });
    return button;
  }

  private summary(): string {
    const { model, facts } = this.view;
    return [model.type, ...(facts === null ? [] : said(facts)), megabytes(model.bytes), `made on ${dateOf(model.created)}`].join(' · ');
  }

  private problems(): HTMLElement[] {
    const { problems } = this.view;
    if (problems.length === 0) return [];
    return [element('div', { class: 'doubts' }, element('ul', {}, ...problems.map((line) => element('li', {}, line))))];
  }

  private figures(): HTMLElement {
    const { evaluation, model } = this.view;
    const card = element('section', { class: 'card', 'aria-label': 'Figures' }, element('h2', {}, 'Figures'));
    if (evaluation === null) {
      const command = element('code', {}, `npm run evaluate -- ${model.name}`);
      card.append(element('p', {}, 'It has not been evaluated yet: ', command, ' does it; then its figures and mistakes stand here.'));
      return card;
    }
    const { gloss, category, data, epoch } = evaluation;
    const heads = [['Signs', gloss] as const, ...(category === null ? [] : [['Categories', category] as const])];
    const rows = FIGURES.map(({ title, said, text }) =>
      element(
        'tr',
        {},
        element('th', { scope: 'row', title: said }, title),
        ...heads.map(([, figures]) => element('td', {}, text(figures))),
      ),
    );
    const head = element('tr', {}, element('td', {}), ...heads.map(([name]) => element('th', { scope: 'col' }, name)));
    const on = `${data.clips ?? 'Its'} validation clips of ${data.title}${epoch === null ? '' : `, epoch ${epoch}`}.`;
    card.append(
      element('p', { class: 'best' }, percent(gloss.accuracy), ' ', element('span', {}, 'of the signs right')),
      element('table', { class: 'figures' }, element('thead', {}, head), element('tbody', {}, ...rows)),
      element(
        'p',
        { class: 'quiet' },
        on,
        ...(data.synthetic ? [' They are made up: these figures say nothing of a real sign language.'] : []),
      ),
    );
    return card;
  }

  private curves(): HTMLElement[] {
    const { curves, facts } = this.view;
    if (curves.length === 0) return [];
    const line = (name: string, of: (point: (typeof curves)[number]) => number): { name: string; points: { x: number; y: number }[] } => ({
      name,
      points: curves.map((point) => ({ x: point.epoch, y: of(point) })),
    });
    const loss = new LineChart({ title: 'Loss', across: 'Epoch', atLeast: { low: 0 } });
    loss.show([line('training', ({ train_loss: value }) => value), line('validation', ({ val_loss: value }) => value)]);
    const right = new LineChart({ title: 'Right in validation', across: 'Epoch', format: percent, atLeast: { low: 0, high: 1 } });
    right.show([
      line('signs', ({ gloss_acc: value }) => value),
      ...(typeof facts?.categories === 'number' ? [line('categories', ({ cat_acc: value }) => value)] : []),
    ]);
    this.charts.push(loss, right);
    return [
      element(
        'section',
        { class: 'card', 'aria-label': 'Its training' },
        element('h2', {}, 'Its training'),
        element('div', { class: 'two-charts' }, loss.root, right.root),
      ),
    ];
  }

  private versions(): HTMLElement[] {
    const { releases, changelog, production, baseline } = this.view;
    if (changelog.length === 0 && production === null)
      return [
        element(
          'section',
          { class: 'card', 'aria-label': 'Releases' },
          element('h2', {}, 'Releases'),
          element(
            'p',
            { class: 'quiet' },
            baseline === null ? 'It has not been released yet.' : `It has not been released yet; it goes on from ${baseline}.`,
          ),
        ),
      ];
    const shareOf = (version: string): string => {
      const made = releases.find((one) => one.version === version);
      return made === undefined ? '' : ` · ${percent(made.gloss_acc)} of the signs right`;
    };
    const entries = changelog.map(({ version, date, text }) =>
      element(
        'li',
        {},
        element('h3', {}, `v${version}`, element('span', { class: 'quiet' }, ` ${date}${shareOf(version)}`)),
        markdown(text),
      ),
    );
    const inUse =
      production === null
        ? []
        : [
            element(
              'p',
              {},
              'In production: ',
              element('code', {}, production.file),
              ` (${production.dtype}, ${megabytes(production.bytes)}, ${production.version === null ? 'of no release' : `v${production.version}`}, ${dateOf(production.created)}).`,
            ),
          ];
    const list = element('ol', { class: 'changelog' }, ...entries);
    return [
      element(
        'section',
        { class: 'card', 'aria-label': 'Releases' },
        element('h2', {}, 'Releases'),
        ...inUse,
        ...(entries.length === 0 ? [] : [list]),
      ),
    ];
  }

  private history(): HTMLElement[] {
    const { history } = this.view;
    if (history.length === 0) return [];
    const head = ['Date', 'Version', 'Data', 'Clips', 'Signs right', 'Verdict'].map((name) => element('th', { scope: 'col' }, name));
    const rows = history.map(({ date, version, data, clips, gloss_acc: share, verdict }) =>
      element(
        'tr',
        {},
        ...[dateOf(date), version, data, String(clips), percent(share), VERDICTS[verdict] ?? verdict].map((text) =>
          element('td', {}, text),
        ),
      ),
    );
    const table = element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows));
    const room = element('div', { class: 'scrolling', tabindex: 0, role: 'region', 'aria-label': 'On data that came later' }, table);
    return [
      element('section', { class: 'card', 'aria-label': 'On data that came later' }, element('h2', {}, 'On data that came later'), room),
    ];
  }
}

/** What is known of a model's shape and of how it came to be, a few words each. */
function said({
  glosses,
  categories,
  parameters,
  trained_on: on,
  imported_from: from,
  follows,
}: NonNullable<ModelView['facts']>): string[] {
  return [
    `${glosses} signs${categories === null ? '' : ` in ${categories} categories`}`,
    ...(parameters === null ? [] : [`${parameters.toLocaleString('en')} parameters`]),
    ...(on === null ? [] : [`trained on ${on.train_clips} clips of ${on.title}`]),
    ...(from === null ? [] : [`imported from ${from}`]),
    ...(follows === null ? [] : [`its releases go on from ${follows}`]),
  ];
}

/** The figures of a head, what they mean, and how they are written. */
const FIGURES: readonly { readonly title: string; readonly said: string; readonly text: (figures: Figures) => string }[] = [
  { title: 'Right', said: 'The share of clips whose class was recognised', text: ({ accuracy }) => percent(accuracy) },
  {
    title: 'Likely between',
    said: 'Another set of as many clips would give a share in this interval, nineteen times out of twenty',
    text: ({ accuracy_ci95_low: low, accuracy_ci95_high: high }) => `${percent(low)} and ${percent(high)}`,
  },
  {
    title: 'Among the first five',
    said: 'The share of clips whose class was among the five likeliest',
    text: ({ top_5_accuracy: share }) => percent(share),
  },
  { title: 'Weighted F1', said: 'Precision and recall in one, each class by its clips', text: ({ f1_weighted: f1 }) => f1.toFixed(4) },
  { title: 'Macro F1', said: 'Precision and recall in one, all classes alike', text: ({ f1_macro: f1 }) => f1.toFixed(4) },
  {
    title: 'Off in its confidence',
    said: 'How far its confidence is from how often it is right: the expected calibration error',
    text: ({ expected_calibration_error: error }) => (error === undefined ? '–' : percent(error)),
  },
];

const VERDICTS: Readonly<Record<string, string>> = {
  drop_gloss: 'worse in signs',
  drop_category: 'worse in categories',
  drop_both: 'worse',
  within_interval: 'as before, within chance',
  unchanged: 'as before',
  no_reference: 'nothing to compare with',
};

/** The page has a title of its own. */
function withoutTitle(card: string): string {
  return card.replace(/^(?:\s*<!--[\s\S]*?-->)*\s*# .*$/m, '');
}
