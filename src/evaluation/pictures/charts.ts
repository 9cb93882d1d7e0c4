import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { SKRSContext2D } from '@napi-rs/canvas';
import type { ChartConfiguration, ChartDataset, Chart } from 'chart.js';
import { RESULT_FILES } from '../../folder/contents';
import { elementAt } from '../../foundation/required';
import { percent, shortText } from '../../foundation/text';
import type { ComparedModel } from '../compare/comparison';
import { modelTitle, type EvaluationResult, type HeadResult, HEADS, tellsCategories } from '../result';
import type { CurvePoint } from '../training-curves';
import { DASHES, drawChart, headings, legendAsDrawn, PICTURE_WIDTH, scaleOf } from './canvas';
import { confusionPicture } from './confusion-picture';
import { drawnOrTold, type Theme } from './drawing';

/** The pictures of an evaluation, as PNG; undefined where one cannot be drawn. */
export interface ResultPictures {
  readonly confusion: Buffer | undefined;
  readonly categoryConfusion: Buffer | undefined;
  readonly reliability: Buffer | undefined;
  /** Undefined as well where no log lies beside the checkpoint. */
  readonly curves: Buffer | undefined;
}

/**
 * Draws the pictures of an evaluation, one after the other, with time between them for others: for answers of a server, and for the canvas to free what it was read into.
 * @param onWarning takes a line for each that cannot be drawn.
 */
export async function drawPictures(
  result: EvaluationResult,
  curves: readonly CurvePoint[],
  theme: Theme,
  onWarning: (warning: string) => void,
): Promise<ResultPictures> {
  const { gloss, category, data } = result;
  const of = `${modelTitle(result)} on ${path.basename(data.title)}${data.synthetic ? ' (synthetic)' : ''}`;
  const drawn = async (name: string, draw: () => Buffer): Promise<Buffer | undefined> => {
    const picture = drawnOrTold(name, draw, onWarning);
    await setImmediate();
    return picture;
  };
  return {
    confusion: await drawn(RESULT_FILES.confusionPicture, () =>
      confusionPicture(
        {
          title: `Glosses: ${percent(gloss.metrics.accuracy)} right, ${of}`,
          matrix: gloss.confusion,
          labels: gloss.labels,
          groups: result.categoryOfGloss.map((id) => (id === undefined ? undefined : category.labels[id])),
        },
        theme,
      ),
    ),
    categoryConfusion: tellsCategories(result)
      ? await drawn(RESULT_FILES.categoryConfusionPicture, () =>
          confusionPicture(
            {
              title: `Categories: ${percent(category.metrics.accuracy)} right, ${of}`,
              matrix: category.confusion,
              labels: category.labels,
            },
            theme,
          ),
        )
      : undefined,
    reliability: await drawn(RESULT_FILES.reliability, () => reliabilityPicture(`Reliability of ${of}`, gloss, category, theme)),
    curves:
      curves.length === 0
        ? undefined
        : await drawn(RESULT_FILES.curves, () => curvesPicture(`Training of ${modelTitle(result)}`, curves, theme)),
  };
}

/** Draws a training's curves: losses in one panel, validation accuracies in another below it, over the same epochs; a line marks the best of these. @returns the PNG. */
export function curvesPicture(title: string, points: readonly CurvePoint[], theme: Theme): Buffer {
  const [trainLoss, valLoss, gloss, category] = theme.series;
  const line = (label: string, key: keyof CurvePoint, colour: string, panel: string, dash: number[] = []): ChartDataset<'line'> => ({
    label,
    data: points.map((point) => point[key]),
    borderColor: colour,
    backgroundColor: colour,
    borderDash: dash,
    borderWidth: 2,
    pointRadius: points.length === 1 ? 3 : 0,
    yAxisID: panel,
  });
  const best = points.reduce((most, point) => (point.gloss_acc > most.gloss_acc ? point : most), elementAt(points, 0));
  const configuration: ChartConfiguration<'line'> = {
    type: 'line',
    data: {
      labels: points.map(({ epoch }) => epoch),
      datasets: [
        line('training loss', 'train_loss', trainLoss, 'loss', DASHES.long),
        line('validation loss', 'val_loss', valLoss, 'loss'),
        line('gloss accuracy', 'gloss_acc', gloss, 'accuracy'),
        line('category accuracy', 'cat_acc', category, 'accuracy', DASHES.short),
      ],
    },
    options: {
      scales: panelsOverEpochs('loss', 'validation accuracy'),
      plugins: {
        ...headings(title, `Best epoch ${best.epoch}: gloss accuracy ${percent(best.gloss_acc)}`, theme),
        legend: legendAsDrawn(),
      },
    },
  };
  return drawChart({ width: PICTURE_WIDTH, height: 600 }, theme, configuration, (context, chart) => {
    const x = scaleOf(chart, 'x').getPixelForValue(points.indexOf(best));
    context.save();
    context.strokeStyle = theme.muted;
    context.lineWidth = 1;
    context.setLineDash(DASHES.fine);
    context.beginPath();
    for (const { top, bottom } of [scaleOf(chart, 'loss'), scaleOf(chart, 'accuracy')]) {
      context.moveTo(x, top);
      context.lineTo(x, bottom);
    }
    context.stroke();
    context.restore();
  });
}

type PanelScales = NonNullable<NonNullable<ChartConfiguration<'line'>['options']>['scales']>;

/** The scales `loss` and `accuracy` of two panels over the same epochs, the losses above. */
export function panelsOverEpochs(loss: string, accuracy: string): PanelScales {
  return {
    x: { title: { display: true, text: 'epoch' }, ticks: { maxTicksLimit: 16, maxRotation: 0 } },
    // Of scales that share a stack the first is at the bottom.
    accuracy: {
      stack: 'panels',
      stackWeight: 10,
      min: 0,
      max: 1,
      title: { display: true, text: accuracy },
      ticks: { callback: (value) => percent(Number(value), 0) },
    },
    between: { type: 'linear', axis: 'y', stack: 'panels', stackWeight: 1, display: false },
    loss: { stack: 'panels', stackWeight: 10, beginAtZero: true, title: { display: true, text: loss } },
  };
}

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
        const counts = `${elementAt(gloss.reliability, bin).clips} · ${elementAt(category.reliability, bin).clips}`;
        return [`${Math.round(100 * from)}–${Math.round(100 * to)} %`, counts];
      }),
      datasets: [
        {
          type: 'line',
          label: 'as often right as sure',
          data: gloss.reliability.map(({ from, to }) => (from + to) / 2),
          borderColor: theme.text,
          backgroundColor: theme.text,
          borderDash: DASHES.long,
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
          ticks: { callback: (value) => percent(Number(value), 0) },
        },
      },
      plugins: {
        ...headings(
          title,
          `Expected calibration error: gloss ${calibrationError(gloss)}, category ${calibrationError(category)}. Bars below the line: too sure of itself`,
          theme,
        ),
        legend: legendAsDrawn(),
      },
    },
  };
  return drawChart({ width: PICTURE_WIDTH, height: 480 }, theme, configuration);
}

function calibrationError({ metrics }: HeadResult): string {
  return percent(metrics.expected_calibration_error);
}

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
        x: { min: 0, max: 1, ticks: { callback: (value) => percent(Number(value), 0) } },
        y: { grid: { display: false } },
      },
      plugins: {
        ...headings(`Models on ${dataTitle}`, 'Whiskers: 95 % interval of the accuracy', theme),
        legend: { position: 'bottom', labels: { padding: 16, boxWidth: 24, boxHeight: 10 } },
      },
    },
  };
  return drawChart({ width: PICTURE_WIDTH, height: 190 + 64 * models.length }, theme, configuration, (context, chart) => {
    drawWhiskers(context, chart, models, theme);
  });
}

function drawWhiskers(context: SKRSContext2D, chart: Chart, models: readonly ComparedModel[], theme: Theme): void {
  context.save();
  context.strokeStyle = theme.text;
  context.lineWidth = 1.5;
  const accuracy = scaleOf(chart, 'x');
  HEADS.forEach((head, dataset) => {
    models.forEach(({ figures }, place) => {
      const { y } = elementAt(chart.getDatasetMeta(dataset).data, place);
      const low = accuracy.getPixelForValue(figures[head].accuracy_ci95_low);
      const high = accuracy.getPixelForValue(figures[head].accuracy_ci95_high);
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
