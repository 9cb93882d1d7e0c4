import type { ChartConfiguration } from 'chart.js';
import { elementAt } from '../../foundation/required';
import { shortText } from '../../foundation/text';
import { drawChart, headings, PICTURE_WIDTH } from './canvas';
import type { Theme } from './drawing';

const BARS = 30;
/** Classes of a chart; of more those with the most clips and those with the fewest. */
const CLASSES = 40;
const LONGEST_NAME = 28;

/** Draws how long clips are: how many there are of each length. @returns the PNG. */
export function lengthsPicture(lengths: readonly number[], theme: Theme): Buffer {
  const range = lengths.reduce((found, length) => ({ least: Math.min(found.least, length), most: Math.max(found.most, length) }), {
    least: Infinity,
    most: 0,
  });
  const step = Math.max(1, Math.ceil((range.most - range.least + 1) / BARS));
  const counts = Array.from({ length: Math.floor((range.most - range.least) / step) + 1 }, () => 0);
  for (const length of lengths) {
    const bar = Math.floor((length - range.least) / step);
    counts[bar] = elementAt(counts, bar) + 1;
  }
  const labels = counts.map((_, bar) => {
    const first = range.least + bar * step;
    return step === 1 ? String(first) : `${first}–${first + step - 1}`;
  });
  return barChart('Lengths of the clips', 'clips of so many frames', { labels, counts: [{ label: 'clips', data: counts }] }, theme);
}

/** The clips of a class, those that are trained on and those that are held back. */
export interface ClassSize {
  readonly name: string;
  readonly trained: number;
  readonly held: number;
}

/** Draws how many clips each gloss has. @returns the PNG. */
export function classesPicture(classes: readonly ClassSize[], theme: Theme): Buffer {
  const sorted = classes.toSorted((one, other) => other.trained + other.held - one.trained - one.held);
  const isCut = sorted.length > CLASSES;
  const shown = isCut ? [...sorted.slice(0, CLASSES / 2), ...sorted.slice(-CLASSES / 2)] : sorted;
  const title = isCut ? `Clips of the glosses: ${CLASSES / 2} with the most, ${CLASSES / 2} with the fewest` : 'Clips of the glosses';
  const counts = [
    { label: 'to train on', data: shown.map(({ trained }) => trained) },
    { label: 'to validate', data: shown.map(({ held }) => held) },
  ].filter(({ data }) => data.some((count) => count > 0));
  return barChart(title, `${classes.length} glosses`, { labels: shown.map(({ name }) => shortText(name, LONGEST_NAME)), counts }, theme);
}

interface Bars {
  readonly labels: string[];
  readonly counts: readonly { readonly label: string; readonly data: number[] }[];
}

function barChart(title: string, subtitle: string, { labels, counts }: Bars, theme: Theme): Buffer {
  const configuration: ChartConfiguration<'bar'> = {
    type: 'bar',
    data: {
      labels,
      datasets: counts.map(({ label, data }, place) => ({ label, data, backgroundColor: theme.series[place] ?? theme.text })),
    },
    options: {
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { maxRotation: 60 } },
        y: { stacked: true, beginAtZero: true, ticks: { precision: 0 } },
      },
      plugins: { ...headings(title, subtitle, theme), legend: { display: counts.length > 1, position: 'bottom' } },
    },
  };
  return drawChart({ width: PICTURE_WIDTH / 2, height: 360 }, theme, configuration);
}
