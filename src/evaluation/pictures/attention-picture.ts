import type { SKRSContext2D } from '@napi-rs/canvas';
import type { Chart, ChartConfiguration } from 'chart.js';
import type { FrameShares } from '../frame-attention';
import { drawChart, fontOf } from './canvas';
import { between, type Theme } from './theme';

const STRIP = 20;

/**
 * Draws which frames of a clip counted: a bar a frame, in multiples of an even share, and below them a strip for each layer. @returns the PNG.
 * @param title what the model saw in which clip
 */
export function attentionPicture(title: string, subtitle: string, { layers, overall }: FrameShares, theme: Theme): Buffer {
  const multiples = overall.map((share) => share * overall.length);
  const configuration: ChartConfiguration = {
    type: 'bar',
    data: {
      labels: multiples.map((_, frame) => frame + 1),
      datasets: [{ data: multiples, backgroundColor: theme.series[0], barPercentage: 1, categoryPercentage: 0.86 }],
    },
    options: {
      layout: { padding: { left: 16, right: 24, top: 16, bottom: 16 + STRIP * layers.length + 44 } },
      scales: {
        x: { title: { display: true, text: 'frame' }, grid: { display: false }, ticks: { maxRotation: 0, maxTicksLimit: 24 } },
        y: {
          beginAtZero: true,
          suggestedMax: 2,
          title: { display: true, text: 'times an even share' },
        },
      },
      plugins: {
        title: { display: true, text: title, align: 'start', font: { size: 17, weight: 'bold' }, padding: { bottom: 2 } },
        subtitle: { display: true, text: subtitle, align: 'start', color: theme.muted, padding: { bottom: 8 } },
        legend: { display: false },
      },
    },
  };
  const size = { width: 860, height: 400 + STRIP * layers.length };
  return drawChart(size, theme, configuration, (context, chart) => {
    drawEvenShare(context, chart, theme);
    drawStrips(context, chart, layers, theme);
  });
}

function drawEvenShare(context: SKRSContext2D, { chartArea, scales }: Chart, theme: Theme): void {
  const y = scales['y']?.getPixelForValue(1) ?? 0;
  context.save();
  context.strokeStyle = theme.muted;
  context.setLineDash([4, 3]);
  context.beginPath();
  context.moveTo(chartArea.left, y);
  context.lineTo(chartArea.right, y);
  context.stroke();
  context.restore();
}

function drawStrips(context: SKRSContext2D, { chartArea, scales, height }: Chart, layers: FrameShares['layers'], theme: Theme): void {
  const top = height - 16 - STRIP * layers.length - 18;
  const frames = layers[0]?.length ?? 0;
  const width = (chartArea.right - chartArea.left) / Math.max(1, frames);
  const most = Math.max(...layers.flat());
  context.save();
  context.font = fontOf(11);
  context.textBaseline = 'middle';
  layers.forEach((layer, row) => {
    const y = top + row * STRIP;
    layer.forEach((share, frame) => {
      const centre = scales['x']?.getPixelForValue(frame) ?? 0;
      context.fillStyle = between(theme.empty, theme.right, share / most);
      context.fillRect(centre - width / 2, y, width + 0.4, STRIP - 2);
    });
    context.fillStyle = theme.text;
    context.textAlign = 'right';
    context.fillText(String(row + 1), chartArea.left - 8, y + STRIP / 2);
  });
  context.fillStyle = theme.muted;
  context.textAlign = 'left';
  context.fillText(
    'Each layer, the first on top: the stronger the colour, the more a frame counted',
    chartArea.left,
    top + STRIP * layers.length + 9,
  );
  context.restore();
}
