import type { ChartConfiguration, ChartDataset } from 'chart.js';
import type { CurvePoint } from '../training-curves';
import { drawChart } from './canvas';
import type { Theme } from './theme';

/** Draws a training's curves: losses on the left scale, accuracies on the right, and where the best epoch is. @returns the PNG. */
export function curvesPicture(title: string, points: readonly CurvePoint[], theme: Theme): Buffer {
  const [trainLoss, valLoss, gloss, category] = theme.series;
  const line = (
    label: string,
    key: keyof CurvePoint,
    colour: string,
    axis: 'loss' | 'accuracy',
    dash: number[] = [],
  ): ChartDataset<'line'> => ({
    label,
    data: points.map((point) => point[key]),
    borderColor: colour,
    backgroundColor: colour,
    borderDash: dash,
    borderWidth: 2,
    pointRadius: points.length === 1 ? 3 : 0,
    yAxisID: axis,
  });
  const best = points.reduce((most, point) => (point.gloss_acc > (most?.gloss_acc ?? -1) ? point : most), points[0]);
  const configuration: ChartConfiguration<'line'> = {
    type: 'line',
    data: {
      labels: points.map(({ epoch }) => epoch),
      datasets: [
        line('training loss', 'train_loss', trainLoss, 'loss', [6, 4]),
        line('validation loss', 'val_loss', valLoss, 'loss', [2, 3]),
        line('gloss accuracy', 'gloss_acc', gloss, 'accuracy'),
        line('category accuracy', 'cat_acc', category, 'accuracy'),
      ],
    },
    options: {
      scales: {
        x: { title: { display: true, text: 'epoch' }, ticks: { maxTicksLimit: 16, maxRotation: 0 } },
        loss: { position: 'left', title: { display: true, text: 'loss (broken lines)' }, beginAtZero: true },
        accuracy: {
          position: 'right',
          title: { display: true, text: 'validation accuracy (full lines)' },
          min: 0,
          max: 1,
          grid: { drawOnChartArea: false },
          ticks: { callback: (value) => `${Math.round(100 * Number(value))} %` },
        },
      },
      plugins: {
        title: { display: true, text: title, align: 'start', font: { size: 17, weight: 'bold' }, padding: { bottom: 2 } },
        subtitle: {
          display: best !== undefined,
          text: best === undefined ? '' : `Best epoch ${best.epoch}: gloss accuracy ${(100 * best.gloss_acc).toFixed(1)} %`,
          align: 'start',
          color: theme.muted,
          padding: { bottom: 8 },
        },
        legend: { position: 'bottom', labels: { usePointStyle: true, pointStyle: 'line', pointStyleWidth: 36, padding: 16 } },
      },
    },
  };
  return drawChart({ width: 860, height: 480 }, theme, configuration, (context, { chartArea, scales }) => {
    const x = scales['x']?.getPixelForValue(points.findIndex((point) => point === best));
    if (x === undefined || best === undefined) return;
    context.save();
    context.strokeStyle = theme.muted;
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(x, chartArea.top);
    context.lineTo(x, chartArea.bottom);
    context.stroke();
    context.restore();
  });
}
