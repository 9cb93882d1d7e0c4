import path from 'node:path';
import type { SKRSContext2D } from '@napi-rs/canvas';
import type { Chart, ChartConfiguration } from 'chart.js';
import { titleOfModel } from '../../folder/named-checkpoint';
import { writeFileAtomically } from '../../foundation/atomic-file';
import { elementAt } from '../../foundation/required';
import { shortLabel, percent } from '../../foundation/text';
import { attendedFrames, type FrameShares } from '../attended-frames';
import type { LoadedModel } from '../loaded-model';
import type { RankedClass } from '../predict-clips';
import { DASHES, drawChart, headings, PICTURE_WIDTH, scaleOf } from './canvas';
import { between, type Theme, drawnOrTold, lightTheme } from './drawing';
import { fontOf } from './fonts';

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
        ...headings(title, subtitle, theme),
        legend: { display: false },
      },
    },
  };
  const size = { width: PICTURE_WIDTH, height: 400 + STRIP * layers.length };
  return drawChart(size, theme, configuration, (context, chart) => {
    drawEvenShare(context, chart, theme);
    drawStrips(context, chart, layers, theme);
  });
}

function drawEvenShare(context: SKRSContext2D, chart: Chart, theme: Theme): void {
  const { chartArea } = chart;
  const y = scaleOf(chart, 'y').getPixelForValue(1);
  context.save();
  context.strokeStyle = theme.muted;
  context.setLineDash(DASHES.fine);
  context.beginPath();
  context.moveTo(chartArea.left, y);
  context.lineTo(chartArea.right, y);
  context.stroke();
  context.restore();
}

function drawStrips(context: SKRSContext2D, chart: Chart, layers: FrameShares['layers'], theme: Theme): void {
  const { chartArea, height } = chart;
  const x = scaleOf(chart, 'x');
  const top = height - 16 - STRIP * layers.length - 18;
  const width = (chartArea.right - chartArea.left) / elementAt(layers, 0).length;
  const most = Math.max(...layers.flat());
  context.save();
  context.font = fontOf(11);
  context.textBaseline = 'middle';
  layers.forEach((layer, row) => {
    const y = top + row * STRIP;
    layer.forEach((share, frame) => {
      const centre = x.getPixelForValue(frame);
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

/** The clip whose attention is wanted, and what the model took it for. */
export interface AttendedClip {
  readonly file: string;
  /** The array in the `.npz` that the model reads. */
  readonly key: string;
  readonly best: RankedClass;
}

/**
 * Draws which frames of a clip counted, as a PNG.
 * @param onWarning takes a line that says why it cannot be drawn.
 * @returns whether it is there.
 * @throws UserError where the model has no attention.
 */
export async function saveAttentionPicture(
  picture: string,
  model: LoadedModel,
  { file, key, best }: AttendedClip,
  onWarning: (warning: string) => void,
): Promise<boolean> {
  const shares = await attendedFrames(model, file, key);
  const title = `${shortLabel(path.parse(file).name)}: ${shortLabel(best.label)} (${best.id}), ${percent(best.probability)}`;
  const subtitle = `What ${titleOfModel(model.file, model.model.definition.checkpointName)} attended to; the broken line is an even share`;
  const png = drawnOrTold(picture, () => attentionPicture(title, subtitle, shares, lightTheme), onWarning);
  if (png === undefined) return false;
  writeFileAtomically(picture, (append) => {
    append(png);
  });
  return true;
}
