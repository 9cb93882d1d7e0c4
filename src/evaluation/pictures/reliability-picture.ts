import type { ChartConfiguration, ChartDataset } from 'chart.js';
import type { HeadResult } from '../head-result';
import { drawChart } from './canvas';
import type { Theme } from './theme';

/** Draws how far confidences can be believed: for each interval of confidence how often the model was right, beside what would be right. @returns the PNG. */
export function reliabilityPicture(title: string, gloss: HeadResult, category: HeadResult, theme: Theme): Buffer {
  const [glossColour, categoryColour] = theme.series;
  const bars = (label: string, { reliability }: HeadResult, colour: string): ChartDataset => ({
    type: 'bar',
    label,
    data: reliability.map(({ clips, accuracy }) => (clips === 0 ? null : accuracy)),
    backgroundColor: colour,
    pointStyle: 'rect',
    // A bar of no height is a finding, and must be seen.
    minBarLength: 2,
  });
  const configuration: ChartConfiguration = {
    type: 'bar',
    data: {
      labels: gloss.reliability.map(({ from, to }, bin) => {
        const counts = `${gloss.reliability[bin]?.clips ?? 0} · ${category.reliability[bin]?.clips ?? 0}`;
        return [`${Math.round(100 * from)}–${Math.round(100 * to)} %`, counts];
      }),
      datasets: [
        {
          type: 'line',
          label: 'as often right as sure',
          data: gloss.reliability.map(({ from, to }) => (from + to) / 2),
          borderColor: theme.text,
          backgroundColor: theme.text,
          borderDash: [5, 4],
          borderWidth: 1.5,
          pointRadius: 0,
          pointStyle: 'line',
        },
        bars('gloss', gloss, glossColour),
        bars('category', category, categoryColour),
      ],
    },
    options: {
      scales: {
        x: {
          title: { display: true, text: 'confidence; below: clips of the gloss head · of the category head' },
          grid: { display: false },
          ticks: { maxRotation: 0, autoSkip: false },
        },
        y: {
          min: 0,
          max: 1,
          title: { display: true, text: 'share that was right' },
          ticks: { callback: (value) => `${Math.round(100 * Number(value))} %` },
        },
      },
      plugins: {
        title: { display: true, text: title, align: 'start', font: { size: 17, weight: 'bold' }, padding: { bottom: 2 } },
        subtitle: {
          display: true,
          text: `Expected calibration error: gloss ${percent(gloss)}, category ${percent(category)}. Bars below the line: too sure of itself`,
          align: 'start',
          color: theme.muted,
          padding: { bottom: 8 },
        },
        legend: { position: 'bottom', labels: { padding: 16, usePointStyle: true, pointStyleWidth: 28 } },
      },
    },
  };
  return drawChart({ width: 860, height: 480 }, theme, configuration);
}

function percent({ metrics }: HeadResult): string {
  return `${(100 * metrics.expected_calibration_error).toFixed(1)} %`;
}
