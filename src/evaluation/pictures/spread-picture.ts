import type { SKRSContext2D } from '@napi-rs/canvas';
import type { Chart, ChartConfiguration } from 'chart.js';
import { percent, shortText } from '../../foundation/text';
import { drawChart, headings, PICTURE_WIDTH, scaleOf } from './canvas';
import type { Theme } from './drawing';

/** Shares that belong together: those of one point of a sweep, one a seed. */
export interface ShownSpread {
  readonly name: string;
  /** From 0 to 1. */
  readonly values: readonly number[];
  readonly mean: number;
  /** Of the mean; undefined of a single value. */
  readonly interval: { readonly low: number; readonly high: number } | undefined;
}

const LONGEST_NAME = 48;
/** Of more, those with the highest means are drawn. */
const MOST_DRAWN = 40;
const ROW_HEIGHT = 30;

/** Draws groups of shares below each other: a dot a value, the mean as a line across, its 95 % interval as a whisker. @returns the PNG. */
export function spreadPicture(title: string, spreads: readonly ShownSpread[], theme: Theme): Buffer {
  const threshold = spreads.map(({ mean }) => mean).sort((one, other) => other - one)[MOST_DRAWN - 1] ?? -Infinity;
  const drawn = spreads.filter(({ mean }) => mean >= threshold).slice(0, MOST_DRAWN);
  const { low, high } = rangeOf(drawn);
  const left = spreads.length - drawn.length;
  const more = left === 0 ? '' : `; ${left} lower ones are left out`;
  const configuration: ChartConfiguration = {
    type: 'bar',
    data: {
      labels: drawn.map(({ name }) => shortText(name, LONGEST_NAME)),
      datasets: [{ data: drawn.map(({ mean }) => mean), backgroundColor: 'transparent' }],
    },
    options: {
      indexAxis: 'y',
      scales: {
        x: { min: low, max: high, ticks: { callback: (value) => percent(Number(value), high - low < 0.1 ? 1 : 0) } },
        y: { ticks: { autoSkip: false } },
      },
      plugins: {
        ...headings(title, `Dots: a seed each. Line: the mean. Whisker: its 95 % interval${more}`, theme),
        legend: { display: false },
      },
    },
  };
  return drawChart({ width: PICTURE_WIDTH, height: 120 + ROW_HEIGHT * drawn.length }, theme, configuration, (context, chart) => {
    drawSpreads(context, chart, drawn, theme);
  });
}

/** All values and intervals, as far as they are shares, with some room at both ends. */
function rangeOf(spreads: readonly ShownSpread[]): { readonly low: number; readonly high: number } {
  const all = spreads.flatMap(({ values, interval }) => [...values, ...(interval === undefined ? [] : [interval.low, interval.high])]);
  const within = all.map((value) => Math.min(Math.max(value, 0), 1));
  const [least, most] = [Math.min(...within), Math.max(...within)];
  const room = Math.max(0.005, 0.05 * (most - least));
  const step = most - least < 0.1 ? 0.005 : 0.05;
  return { low: Math.max(0, Math.floor((least - room) / step) * step), high: Math.min(1, Math.ceil((most + room) / step) * step) };
}

function drawSpreads(context: SKRSContext2D, chart: Chart, spreads: readonly ShownSpread[], theme: Theme): void {
  const [accuracy, rows] = [scaleOf(chart, 'x'), scaleOf(chart, 'y')];
  const [dots, line] = theme.series;
  context.save();
  context.beginPath();
  context.rect(accuracy.left - 6, rows.top, accuracy.width + 12, rows.height);
  context.clip();
  spreads.forEach(({ values, mean, interval }, row) => {
    const y = rows.getPixelForValue(row);
    const at = (value: number): number => accuracy.getPixelForValue(value);
    context.strokeStyle = theme.muted;
    context.lineWidth = 1.5;
    if (interval !== undefined) strokeLines(context, [whisker(at(interval.low), at(interval.high), y)].flat());
    context.strokeStyle = line;
    context.lineWidth = 2.5;
    strokeLines(context, [[at(mean), y - 9, at(mean), y + 9]]);
    context.fillStyle = dots;
    for (const value of values) {
      context.beginPath();
      context.arc(at(value), y, 3.5, 0, 2 * Math.PI);
      context.fill();
    }
  });
  context.restore();
}

type Line = readonly [fromX: number, fromY: number, toX: number, toY: number];

function whisker(low: number, high: number, y: number): Line[] {
  return [[low, y, high, y], ...[low, high].map((x): Line => [x, y - 5, x, y + 5])];
}

function strokeLines(context: SKRSContext2D, lines: readonly Line[]): void {
  context.beginPath();
  for (const [fromX, fromY, toX, toY] of lines) {
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
  }
  context.stroke();
}
