import type { SKRSContext2D } from '@napi-rs/canvas';
import type { Chart, ChartConfiguration } from 'chart.js';
import type { ComparedModel } from '../compare/compared-model';
import { shortText } from '../../foundation/text';
import { HEADS } from '../result';
import { drawChart } from './canvas';
import type { Theme } from './theme';

const LONGEST_NAME = 36;

/** Draws the accuracies of models side by side, each with its 95 % interval. @returns the PNG. */
export function comparisonPicture(models: readonly ComparedModel[], dataTitle: string, theme: Theme): Buffer {
  const configuration: ChartConfiguration = {
    type: 'bar',
    data: {
      labels: models.map(({ title }) => shortText(title, LONGEST_NAME)),
      datasets: HEADS.map((head, place) => ({
        label: `${head} accuracy`,
        data: models.map(({ figures }) => figures[head].accuracy),
        backgroundColor: theme.series[place] ?? theme.text,
      })),
    },
    options: {
      indexAxis: 'y',
      scales: {
        x: { min: 0, max: 1, ticks: { callback: (value) => `${Math.round(100 * Number(value))} %` } },
        y: { grid: { display: false } },
      },
      plugins: {
        title: {
          display: true,
          text: `Models on ${dataTitle}`,
          align: 'start',
          font: { size: 17, weight: 'bold' },
          padding: { bottom: 2 },
        },
        subtitle: {
          display: true,
          text: 'Whiskers: 95 % interval of the accuracy',
          align: 'start',
          color: theme.muted,
          padding: { bottom: 8 },
        },
        legend: { position: 'bottom', labels: { padding: 16, boxWidth: 24, boxHeight: 10 } },
      },
    },
  };
  return drawChart({ width: 860, height: 190 + 64 * models.length }, theme, configuration, (context, chart) => {
    drawWhiskers(context, chart, models, theme);
  });
}

function drawWhiskers(context: SKRSContext2D, chart: Chart, models: readonly ComparedModel[], theme: Theme): void {
  context.save();
  context.strokeStyle = theme.text;
  context.lineWidth = 1.5;
  HEADS.forEach((head, dataset) => {
    models.forEach(({ figures }, place) => {
      const y = chart.getDatasetMeta(dataset).data[place]?.y ?? 0;
      const [low = 0, high = 0] = [figures[head].accuracy_ci95_low, figures[head].accuracy_ci95_high].map(
        (share) => chart.scales['x']?.getPixelForValue(share) ?? 0,
      );
      context.beginPath();
      context.moveTo(low, y);
      context.lineTo(high, y);
      for (const x of [low, high]) {
        context.moveTo(x, y - 5);
        context.lineTo(x, y + 5);
      }
      context.stroke();
    });
  });
  context.restore();
}
