import type { ChartConfiguration } from 'chart.js';
import { drawChart, headings, legendAsDrawn, DASHES, PICTURE_WIDTH, scaleOf } from './canvas';
import type { Theme } from './drawing';

/** Learning rates that were tried, the smaller ones first. */
interface TriedRates {
  readonly tried: readonly { readonly rate: number; readonly loss: number; readonly smoothedLoss: number }[];
  /** Where the loss falls fastest, or another rate that is suggested. */
  readonly suggestion: number | undefined;
}

/** Draws the loss over the learning rates that were tried, on a logarithmic axis; a line marks the suggested one. @returns the PNG. */
export function ratePicture({ tried, suggestion }: TriedRates, theme: Theme): Buffer {
  const [raw, smoothed] = theme.series;
  const line = (
    label: string,
    key: 'loss' | 'smoothedLoss',
    colour: string,
    width: number,
  ): ChartConfiguration<'line'>['data']['datasets'][number] => ({
    label,
    data: tried.map((one) => ({ x: one.rate, y: one[key] })),
    borderColor: colour,
    backgroundColor: colour,
    borderWidth: width,
    borderDash: width > 1 ? [] : DASHES.short,
    pointRadius: 0,
  });
  const { low, high } = shownRange(tried);
  const said = suggestion === undefined ? 'None is suggested' : `Suggested: ${suggestion.toPrecision(2)}`;
  const configuration: ChartConfiguration<'line'> = {
    type: 'line',
    data: { datasets: [line('loss', 'loss', raw, 1), line('smoothed', 'smoothedLoss', smoothed, 2)] },
    options: {
      scales: {
        x: {
          type: 'logarithmic',
          min: tried[0]?.rate ?? 0,
          max: tried.at(-1)?.rate ?? 1,
          title: { display: true, text: 'learning rate' },
          ticks: { maxRotation: 0, callback: (value) => powerOfTen(Number(value)) },
        },
        y: {
          type: 'linear',
          title: { display: true, text: 'training loss' },
          min: low,
          max: high,
        },
      },
      plugins: { ...headings('Loss over learning rates', said, theme), legend: legendAsDrawn() },
    },
  };
  return drawChart({ width: PICTURE_WIDTH, height: 500 }, theme, configuration, (context, chart) => {
    if (suggestion === undefined) return;
    const { top, bottom } = scaleOf(chart, 'y');
    const x = scaleOf(chart, 'x').getPixelForValue(suggestion);
    context.save();
    context.strokeStyle = theme.muted;
    context.setLineDash(DASHES.fine);
    context.beginPath();
    context.moveTo(x, top);
    context.lineTo(x, bottom);
    context.stroke();
    context.restore();
  });
}

/** The losses of the smaller half of the rates, or of all before the smoothed loss is least, and some more: one that has run away would press all others flat. */
function shownRange(tried: TriedRates['tried']): { readonly low: number; readonly high: number } {
  const smoothed = tried.map(({ smoothedLoss }) => smoothedLoss);
  const calm = tried.slice(0, Math.max(smoothed.indexOf(Math.min(...smoothed)) + 1, Math.ceil(tried.length / 2)));
  const losses = calm.flatMap(({ loss, smoothedLoss }) => [loss, smoothedLoss]);
  const [least, most] = [Math.min(...losses), Math.max(...losses)];
  const spread = most - least || 1;
  return { low: Math.max(0, least - 0.1 * spread), high: most + 0.5 * spread };
}

/** `1e-4` for a power of ten, nothing between them. */
function powerOfTen(value: number): string | null {
  const power = Math.round(Math.log10(value));
  return Math.abs(Math.log10(value) - power) < 1e-6 ? `1e${power}` : null;
}
