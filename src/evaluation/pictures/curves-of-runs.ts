import type { ChartConfiguration, ChartDataset } from 'chart.js';
import { elementAt } from '../../foundation/required';
import { percent, shortText } from '../../foundation/text';
import type { TrainingCurves } from '../training-curves';
import { DASHES, drawChart, headings, legendAsDrawn, PICTURE_WIDTH } from './canvas';
import { panelsOverEpochs } from './charts';
import type { Theme } from './drawing';

const LONGEST_NAME = 40;
/** With each round of the colours another dash: lines are told apart without colours, too. */
const ROUNDS = [[], DASHES.long, DASHES.short];

/** Draws the curves of several trainings over each other: validation losses in one panel, validation gloss accuracies in another below it. @returns the PNG. */
export function curvesOfRunsPicture(runs: readonly TrainingCurves[], theme: Theme): Buffer {
  const epochs = Math.max(...runs.map(({ points }) => Math.max(...points.map(({ epoch }) => epoch))));
  const lines = (panel: 'loss' | 'accuracy', key: 'val_loss' | 'gloss_acc'): ChartDataset<'line'>[] =>
    runs.map(({ title, best, points }, place) => {
      const colour = elementAt(theme.series, place % theme.series.length);
      const valueOf = new Map(points.map((point) => [point.epoch, point[key]]));
      return {
        label: `${shortText(title, LONGEST_NAME)} (best ${percent(best.gloss_acc)}, epoch ${best.epoch})`,
        data: Array.from({ length: epochs }, (_, index) => valueOf.get(index + 1) ?? NaN),
        borderColor: colour,
        backgroundColor: colour,
        borderDash: elementAt(ROUNDS, Math.floor(place / theme.series.length) % ROUNDS.length),
        borderWidth: 2,
        pointRadius: points.length === 1 ? 3 : 0,
        yAxisID: panel,
      };
    });
  const legend = legendAsDrawn();
  const configuration: ChartConfiguration<'line'> = {
    type: 'line',
    data: {
      labels: Array.from({ length: epochs }, (_, index) => index + 1),
      datasets: [...lines('loss', 'val_loss'), ...lines('accuracy', 'gloss_acc')],
    },
    options: {
      scales: panelsOverEpochs('validation loss', 'validation gloss accuracy'),
      plugins: {
        ...headings(`${runs.length} trainings`, 'Each with its best epoch by validation gloss accuracy', theme),
        // Both lines of a training look alike: one entry says both.
        legend: {
          ...legend,
          labels: { ...legend.labels, generateLabels: (chart) => legend.labels.generateLabels(chart).slice(0, runs.length) },
        },
      },
    },
  };
  return drawChart({ width: PICTURE_WIDTH, height: 600 + 14 * runs.length }, theme, configuration);
}
