import type { SKRSContext2D } from '@napi-rs/canvas';
import type { Chart, ChartConfiguration, ChartDataset, LegendItem } from 'chart.js';
import { drawChart, headings, scaleOf } from '../../evaluation/pictures/canvas';
import type { Theme } from '../../evaluation/pictures/drawing';
import type { HeadName } from '../../evaluation/result';
import { elementAt } from '../../foundation/required';
import { shortText, percent } from '../../foundation/text';
import { isDrop, type HistoryRow } from './history';

const LONGEST_DATA_NAME = 20;
const ROW_WIDTH = 62;

interface Head {
  readonly name: HeadName;
  readonly label: string;
  readonly shift: number;
  readonly of: (row: HistoryRow) => { readonly accuracy: number; readonly low: number; readonly high: number };
}

/** Side by side, so that one interval does not hide the other. */
const HEADS: readonly Head[] = [
  {
    name: 'gloss',
    label: 'gloss accuracy',
    shift: -5,
    of: (row) => ({ accuracy: row.gloss_acc, low: row.gloss_low, high: row.gloss_high }),
  },
  {
    name: 'category',
    label: 'category accuracy',
    shift: 5,
    of: (row) => ({ accuracy: row.cat_acc, low: row.cat_low, high: row.cat_high }),
  },
];

/** Draws how a model did on data that came later: a point for each row and head, with its 95 % interval; rings are drops. @returns the PNG. */
export function historyPicture(title: string, rows: readonly HistoryRow[], theme: Theme): Buffer {
  const line = ({ label, of }: Head, place: number): ChartDataset<'line'> => {
    const colour = colourOf(theme, place);
    return {
      label,
      data: rows.map((row) => of(row).accuracy),
      backgroundColor: colour,
      borderColor: colour,
      borderWidth: 1,
      borderDash: [2, 4],
      pointRadius: 0,
      // Only what one version did is a course of things.
      segment: {
        borderColor: ({ p0DataIndex, p1DataIndex }: { readonly p0DataIndex: number; readonly p1DataIndex: number }) =>
          rows[p0DataIndex]?.version === rows[p1DataIndex]?.version ? colour : 'transparent',
      },
    };
  };
  const configuration: ChartConfiguration<'line'> = {
    type: 'line',
    data: { labels: rows.map(labelOf), datasets: HEADS.map(line) },
    options: {
      scales: {
        x: { offset: true, grid: { display: false }, ticks: { maxRotation: rows.length > 8 ? 60 : 0, autoSkip: rows.length > 40 } },
        y: {
          min: 0,
          max: 1,
          title: { display: true, text: 'accuracy' },
          ticks: { callback: (value) => percent(Number(value), 0) },
        },
      },
      plugins: {
        ...headings(title, 'Whiskers: 95 % interval. A drop is one from its own evaluation, by more than chance would explain', theme),
        legend: {
          position: 'bottom',
          labels: { padding: 16, usePointStyle: true, boxHeight: 8, generateLabels: () => legendItems(theme) },
        },
      },
    },
  };
  const width = Math.min(6000, Math.max(860, 120 + ROW_WIDTH * rows.length));
  return drawChart({ width, height: rows.length > 8 ? 560 : 480 }, theme, configuration, (context, chart) => {
    HEADS.forEach((head, place) => {
      drawPoints(context, chart, { head, rows, colour: colourOf(theme, place), ring: theme.text, background: theme.background });
    });
  });
}

/** What is drawn of a row: a point for each head, and a ring about one that dropped. */
function legendItems(theme: Theme): LegendItem[] {
  const point = { pointStyle: 'circle', fontColor: theme.text } as const;
  return [
    ...HEADS.map(({ label }, place): LegendItem => {
      const colour = colourOf(theme, place);
      return { ...point, text: label, fillStyle: colour, strokeStyle: colour };
    }),
    { ...point, text: 'a drop', fillStyle: theme.background, strokeStyle: theme.text, lineWidth: 2 },
  ];
}

function colourOf({ series }: Theme, place: number): string {
  return elementAt(series, place);
}

function labelOf({ date, version, data }: HistoryRow): string[] {
  const name = data.split(/[/\\]/).findLast((part) => part !== '') ?? data;
  return [date.slice(0, 10), version, shortText(name, LONGEST_DATA_NAME)];
}

function drawPoints(
  context: SKRSContext2D,
  chart: Chart,
  { head, rows, colour, ring, background }: { head: Head; rows: readonly HistoryRow[]; colour: string; ring: string; background: string },
): void {
  const [x, y] = [scaleOf(chart, 'x'), scaleOf(chart, 'y')];
  context.save();
  rows.forEach((row, place) => {
    const centre = x.getPixelForValue(place) + head.shift;
    const { accuracy, low, high } = head.of(row);
    const [at, top, bottom] = [y.getPixelForValue(accuracy), y.getPixelForValue(high), y.getPixelForValue(low)];
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(centre, top);
    context.lineTo(centre, bottom);
    for (const end of [top, bottom]) {
      context.moveTo(centre - 4, end);
      context.lineTo(centre + 4, end);
    }
    context.stroke();
    context.fillStyle = colour;
    context.beginPath();
    context.arc(centre, at, 4, 0, 2 * Math.PI);
    context.fill();
    if (isDrop(row.verdict, head.name)) drawRing(context, { x: centre, y: at, ring, background });
  });
  context.restore();
}

function drawRing(context: SKRSContext2D, { x, y, ring, background }: { x: number; y: number; ring: string; background: string }): void {
  for (const [colour, width] of [
    [background, 4],
    [ring, 2],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, 8, 0, 2 * Math.PI);
    context.stroke();
  }
}
