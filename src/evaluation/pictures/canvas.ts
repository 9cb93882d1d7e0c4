import { createCanvas, type SKRSContext2D } from '@napi-rs/canvas';
import { Chart, registerables, type ChartConfiguration, type LegendItem, type Plugin, type Scale } from 'chart.js';
import { elementAt, required } from '../../foundation/required';
import type { Theme } from './drawing';
import { bringFontsFor, fontFamilies } from './fonts';
import { endAsPng } from './png';

/** Pixels of a picture for each of its units: sharp on screens of high resolution and on paper. */
const RESOLUTION = 2;

/** Units across a chart: as wide as the report's page. */
export const PICTURE_WIDTH = 1100;
/** How lines are broken that colour alone shall not tell apart: lengths of dashes and gaps. */
export const DASHES = { long: [7, 4], short: [2, 3], fine: [4, 3] };

/** A size in units, half a pixel each. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** The width of a text in units. */
export function measureText(text: string, font: string): number {
  bringFontsFor(text);
  const context = createCanvas(1, 1).getContext('2d');
  context.font = font;
  return context.measureText(text).width;
}

/** A chart's scale by its name. */
export function scaleOf({ scales }: Chart, name: string): Scale {
  return required(scales[name], `the scale ${name} of the chart`);
}

/** A chart's title and the line below it. */
export function headings(title: string, subtitle: string, theme: Theme): Headings {
  return {
    title: { display: true, text: title, align: 'start', font: { size: 17, weight: 'bold' }, padding: { bottom: 2 } },
    subtitle: { display: true, text: subtitle, align: 'start', color: theme.muted, padding: { bottom: 8 } },
  };
}

/** What {@link headings} sets of a chart's plugins. */
interface Headings {
  readonly title: Heading;
  readonly subtitle: Heading;
}

interface Heading {
  display: boolean;
  text: string;
  align: 'start';
  padding: { bottom: number };
  font?: { size: number; weight: 'bold' };
  color?: string;
}

/** What {@link legendAsDrawn} sets of a chart's plugins. */
interface LegendAsDrawn {
  position: 'bottom';
  labels: { usePointStyle: boolean; pointStyleWidth: number; padding: number; generateLabels: (chart: Chart) => LegendItem[] };
}

/** A legend below a chart whose marks are as what they stand for is drawn: lines with their dashes, bars as blocks. */
export function legendAsDrawn(): LegendAsDrawn {
  return {
    position: 'bottom',
    labels: {
      usePointStyle: true,
      pointStyleWidth: 36,
      padding: 16,
      generateLabels: (chart) =>
        Chart.defaults.plugins.legend.labels.generateLabels(chart).map((item, place) => {
          const { type, borderDash } = elementAt(
            chart.data.datasets as readonly { readonly type?: string; readonly borderDash?: number[] }[],
            place,
          );
          return { ...item, pointStyle: type === 'bar' ? ('rect' as const) : ('line' as const), lineDash: borderDash ?? [] };
        }),
    },
  };
}

/** Draws a picture on the theme's background. @returns the PNG. */
export function drawPicture({ width, height }: PictureSize, theme: Theme, draw: (context: SKRSContext2D) => void): Buffer {
  bringFontsFor('');
  const canvas = createCanvas(Math.ceil(width * RESOLUTION), Math.ceil(height * RESOLUTION));
  const context = canvas.getContext('2d');
  context.scale(RESOLUTION, RESOLUTION);
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, height);
  draw(context);
  return endAsPng(canvas);
}

/**
 * Draws a chart on the theme's background, its texts and lines in the theme's colours.
 * @param mark draws what the chart has besides, over its lines and bars.
 * @returns the PNG.
 */
export function drawChart(
  size: PictureSize,
  theme: Theme,
  configuration: ChartConfiguration,
  mark: (context: SKRSContext2D, chart: Chart) => void = () => undefined,
): Buffer {
  Chart.register(...registerables);
  bringFontsFor(JSON.stringify(configuration));
  Object.assign(Chart.defaults, { color: theme.text, borderColor: theme.grid });
  Object.assign(Chart.defaults.font, { family: fontFamilies(), size: 12 });
  const canvas = createCanvas(size.width, size.height);
  // The very context that chart.js draws with; its own type for it is the browser's.
  const context = canvas.getContext('2d');
  const look: Plugin = {
    id: 'theme',
    beforeDraw: ({ width, height }) => {
      context.fillStyle = theme.background;
      context.fillRect(0, 0, width, height);
    },
    afterDatasetsDraw: (chart) => {
      mark(context, chart);
    },
  };
  const chart = new Chart(canvas, {
    ...configuration,
    plugins: [look],
    options: {
      ...configuration.options,
      responsive: false,
      animation: false,
      devicePixelRatio: RESOLUTION,
      layout: configuration.options?.layout ?? { padding: 16 },
      events: [],
    },
  });
  try {
    return endAsPng(canvas);
  } finally {
    chart.destroy();
  }
}
