import { Chart, LinearScale, LineController, LineElement, PointElement, Tooltip, type ChartDataset } from 'chart.js';
import { required } from '../../../foundation/required';
import { colourOf, element } from './elements';

Chart.register(LinearScale, LineController, LineElement, PointElement, Tooltip);

/** A place on a line. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
}

/** A line of a chart. */
export interface ChartLine {
  readonly name: string;
  readonly points: readonly ChartPoint[];
}

/** What a chart shows. */
export interface LineChartOptions {
  /** What it is called, `Loss` say. */
  readonly title: string;
  /** What goes from left to right, `Epoch` say. */
  readonly across: string;
  /** How a height is written; to four digits where absent. */
  readonly format?: (value: number) => string;
  /** The lowest and the highest height that are shown at least. */
  readonly atLeast?: { readonly low?: number; readonly high?: number };
  /** Whether points whose height is NaN interrupt their line; they are left out where absent. */
  readonly gaps?: boolean;
}

/** Colours that differ in light and in dark: those of style.css, in the order of the lines. */
const COLOURS = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5', '--series-6'] as const;
/** Every other line is dashed too, for those who see no colours. */
const DASHES: readonly number[][] = [[], [6, 4]];
/** Dots are drawn while there is room for them. */
const MOST_DOTS = 40;

type Data = { x: number; y: number }[];

/** Lines over numbers, in the colours of the page, with a legend, a sentence for screen readers and a table of all its points. They can grow while one looks. */
export class LineChart {
  readonly root: HTMLElement;
  private readonly canvas = element('canvas', { role: 'img' });
  private readonly legend = element('ul', { class: 'legend' });
  private readonly table = element('details', { class: 'chart-table' }, element('summary', {}, 'As a table'));
  private readonly dark = matchMedia('(prefers-color-scheme: dark)');
  private readonly lines = new Map<string, Data>();
  private chart: Chart<'line', Data> | undefined;
  private marked: number | undefined;

  constructor(private readonly options: LineChartOptions) {
    const heading = element('figcaption', {}, options.title);
    this.root = element(
      'figure',
      { class: 'line-chart' },
      heading,
      element('div', { class: 'chart-room' }, this.canvas),
      this.legend,
      this.table,
    );
    this.dark.addEventListener('change', this.onTheme);
    this.table.addEventListener('toggle', () => {
      this.fillTable();
    });
  }

  /** Shows these lines, and no others. */
  show(lines: readonly ChartLine[]): void {
    this.lines.clear();
    for (const { name, points } of lines) this.lines.set(name, this.sorted(points));
    this.redraw();
  }

  /** Lets a line grow; a new one where there is none of that name. A point at a place that it has takes the other's place. */
  append(name: string, ...points: readonly ChartPoint[]): void {
    this.lines.set(name, this.sorted([...(this.lines.get(name) ?? []), ...points]));
    this.redraw();
  }

  /** Marks a place with a line from top to bottom. */
  mark(place: number): void {
    this.marked = place;
    this.chart?.draw();
  }

  /** Ends it; it can be shown no more. */
  dispose(): void {
    this.dark.removeEventListener('change', this.onTheme);
    this.chart?.destroy();
    this.root.remove();
  }

  private readonly onTheme = (): void => {
    this.redraw();
  };

  private redraw(): void {
    // A chart that is not part of the document has neither a size nor colours.
    if (!this.root.isConnected) {
      requestAnimationFrame(() => {
        if (this.root.isConnected) this.redraw();
      });
      return;
    }
    const { atLeast = {} } = this.options;
    const look = this.look();
    this.chart ??= new Chart(this.canvas, {
      type: 'line',
      data: { datasets: [] },
      options: { responsive: true, maintainAspectRatio: false },
      plugins: [
        {
          id: 'mark',
          beforeDatasetsDraw: (chart) => {
            this.drawMark(chart);
          },
        },
      ],
    });
    this.chart.data.datasets = [...this.lines].map(([name, data], place) => this.dataset(name, data, place));
    this.chart.options = {
      responsive: true,
      maintainAspectRatio: false,
      animation: false,
      interaction: { mode: 'index', intersect: false, axis: 'x' },
      scales: {
        x: {
          type: 'linear',
          title: { display: true, text: this.options.across, color: look.quiet },
          ticks: { precision: 0, color: look.quiet },
          grid: { display: false },
          border: { color: look.line },
        },
        y: {
          ticks: { color: look.quiet, maxTicksLimit: 6, callback: (value) => this.text(Number(value)) },
          grid: { color: look.line },
          border: { display: false },
          ...(atLeast.low === undefined ? {} : { suggestedMin: atLeast.low }),
          ...(atLeast.high === undefined ? {} : { suggestedMax: atLeast.high }),
        },
      },
      plugins: {
        tooltip: {
          callbacks: {
            title: ([item]) => `${this.options.across} ${item?.parsed.x ?? ''}`,
            label: ({ dataset, parsed }) => `${dataset.label ?? ''}: ${this.text(parsed.y ?? NaN)}`,
          },
        },
      },
    };
    this.chart.update('none');
    this.canvas.setAttribute('aria-label', this.description());
    this.legend.replaceChildren(...[...this.lines.keys()].map((name, place) => element('li', {}, swatch(place), name)));
    if (this.table.open) this.fillTable();
  }

  /** Points from left to right, one a place: the last that was given for it. */
  private sorted(points: readonly ChartPoint[]): Data {
    const shown = points.filter(({ y }) => Number.isFinite(y) || this.options.gaps === true);
    const heights = new Map(shown.map(({ x, y }) => [x, y]));
    return [...heights].map(([x, y]) => ({ x, y })).sort((one, other) => one.x - other.x);
  }

  private dataset(label: string, data: Data, place: number): ChartDataset<'line', Data> {
    const colour = colourOf(this.root, colourAt(place));
    const radius = data.length > MOST_DOTS ? 0 : 2.5;
    const dash = required(DASHES[place % DASHES.length], 'the dashes of a line');
    return {
      label,
      data,
      order: -place, // Later ones lie over earlier ones.
      borderColor: colour,
      backgroundColor: colour,
      borderWidth: 2,
      borderDash: dash,
      pointRadius: radius,
      pointHoverRadius: 5,
    };
  }

  private drawMark({ ctx: context, chartArea, scales: { x } }: Chart): void {
    if (this.marked === undefined || x === undefined) return;
    const place = x.getPixelForValue(this.marked);
    context.save();
    context.strokeStyle = this.look().quiet;
    context.beginPath();
    context.moveTo(place, chartArea.top);
    context.lineTo(place, chartArea.bottom);
    context.stroke();
    context.restore();
  }

  private look(): { readonly quiet: string; readonly line: string } {
    return { quiet: colourOf(this.root, '--quiet'), line: colourOf(this.root, '--line') };
  }

  private text(value: number): string {
    return (this.options.format ?? fourDigits)(value);
  }

  /** `Loss over 20 epochs. Training from 3.1 to 0.2, at least 0.2. …` */
  private description(): string {
    const said = [...this.lines].flatMap(([name, all]) => {
      const data = all.filter(({ y }) => Number.isFinite(y));
      const first = data[0];
      const last = data.at(-1);
      if (first === undefined || last === undefined) return [];
      const heights = data.map(({ y }) => y);
      const between = `between ${this.text(Math.min(...heights))} and ${this.text(Math.max(...heights))}`;
      return [`${name}: from ${this.text(first.y)} to ${this.text(last.y)}, ${between}.`];
    });
    const across = this.options.across.toLowerCase();
    return [`${this.options.title} by ${across}.`, ...(said.length === 0 ? ['Nothing yet.'] : said)].join(' ');
  }

  private fillTable(): void {
    if (!this.table.open) return;
    const names = [...this.lines.keys()];
    const columns = [...this.lines.values()].map((data) => new Map(data.map(({ x, y }) => [x, y])));
    const places = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort((one, other) => one - other);
    const head = [this.options.across, ...names].map((name) => element('th', { scope: 'col' }, name));
    const rows = places.map((place) => {
      const heights = columns.map((column) => column.get(place));
      const cells = heights.map((height) => element('td', {}, height === undefined || Number.isNaN(height) ? '' : this.text(height)));
      return element('tr', {}, element('th', { scope: 'row' }, String(place)), ...cells);
    });
    const table = element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows));
    const room = element(
      'div',
      { class: 'scrolling', tabindex: 0, role: 'region', 'aria-label': `${this.options.title} as a table` },
      table,
    );
    this.table.querySelector('.scrolling')?.remove();
    this.table.append(room);
  }
}

function colourAt(place: number): string {
  return required(COLOURS[place % COLOURS.length], 'the colour of a line');
}

function swatch(place: number): HTMLElement {
  const isDashed = place % DASHES.length === 1;
  const made = element('span', { class: isDashed ? 'swatch dashed' : 'swatch', 'aria-hidden': 'true' });
  made.style.color = `var(${colourAt(place)})`;
  return made;
}

function fourDigits(value: number): string {
  return String(Number(value.toPrecision(4)));
}
