import { createCanvas, GlobalFonts, type SKRSContext2D } from '@napi-rs/canvas';
import { Chart, registerables, type ChartConfiguration, type Plugin, type Scale } from 'chart.js';
import { required } from '../../foundation/required';
import type { Theme } from './drawing';

/** Pixels of a picture for each of its units: sharp on screens of high resolution and on paper. */
const RESOLUTION = 2;
const FONT_FAMILY = 'DejaVu Sans';

/** A size in units, half a pixel each. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

let prepared = false;

/** Fonts come with a package: a bare container has none, and text would be missing. */
function prepare(): void {
  if (prepared) return;
  prepared = true;
  const fonts = [require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'), require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf')];
  for (const file of fonts) GlobalFonts.registerFromPath(file, FONT_FAMILY);
  Chart.register(...registerables);
}

/** A canvas font of the family that is brought along. */
export function fontOf(size: number, weight: 'normal' | 'bold' = 'normal'): string {
  return `${weight} ${size}px "${FONT_FAMILY}"`;
}

/** The width of a text in units. */
export function measureText(text: string, font: string): number {
  prepare();
  const context = createCanvas(1, 1).getContext('2d');
  context.font = font;
  return context.measureText(text).width;
}

/** A chart's scale by its name. */
export function scaleOf({ scales }: Chart, name: string): Scale {
  return required(scales[name], `the scale ${name} of the chart`);
}

/** Draws a picture on the theme's background. @returns the PNG. */
export function drawPicture({ width, height }: PictureSize, theme: Theme, draw: (context: SKRSContext2D) => void): Buffer {
  prepare();
  const canvas = createCanvas(Math.ceil(width * RESOLUTION), Math.ceil(height * RESOLUTION));
  const context = canvas.getContext('2d');
  context.scale(RESOLUTION, RESOLUTION);
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, height);
  draw(context);
  return canvas.toBuffer('image/png');
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
  prepare();
  Object.assign(Chart.defaults, { color: theme.text, borderColor: theme.grid });
  Object.assign(Chart.defaults.font, { family: FONT_FAMILY, size: 12 });
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
    return canvas.toBuffer('image/png');
  } finally {
    chart.destroy();
  }
}
