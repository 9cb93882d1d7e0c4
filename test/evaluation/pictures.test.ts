import { describe, expect, it } from '@jest/globals';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { confusionMatrix } from '../../src/evaluation/confusion';
import { drawChart, legendAsDrawn } from '../../src/evaluation/pictures/canvas';
import { curvesPicture } from '../../src/evaluation/pictures/charts';
import { clipStrip } from '../../src/evaluation/pictures/clip-strip';
import { confusionPicture } from '../../src/evaluation/pictures/confusion-picture';
import { lightTheme } from '../../src/evaluation/pictures/drawing';
import { bringFontsFor, canWrite, fontOf } from '../../src/evaluation/pictures/fonts';

/** The letters of a text as they are drawn: boxes are the same for all that no font has. */
function drawn(text: string): string {
  bringFontsFor(text);
  const canvas = createCanvas(200, 40);
  const context = canvas.getContext('2d');
  context.font = fontOf(24);
  context.fillText(text, 4, 30);
  return Buffer.from(context.getImageData(0, 0, 200, 40).data).toString('base64');
}

describe('letters in pictures', () => {
  it.each([
    ['Chinese', '谢', '你'],
    ['Japanese', 'あ', 'ツ'],
    ['Korean', '감', '안'],
    ['Thai', 'ส', 'ข'],
    ['Devanagari', 'न', 'ध'],
    ['Arabic', 'ش', 'م'],
    ['Hebrew', 'ש', 'ל'],
    ['Cyrillic', 'Ж', 'Я'],
    ['emoji', '👋', '🐶'],
  ])('are there in %s, on a machine without fonts', (_, one, other) => {
    expect(canWrite(`${one}${other} A`)).toBe(true);
    expect(drawn(one)).not.toBe(drawn(other));
  });

  it('are known not to be there where they are not: a class is named by its id then, which a line says', () => {
    expect(canWrite('ধন্যবাদ')).toBe(false);
    expect(canWrite('\ue000')).toBe(false);
    expect(canWrite('👨‍👩‍👧 a\u200b')).toBe(true);
    const matrix = confusionMatrix(Int32Array.of(0, 1), Int32Array.of(0, 1), 2);
    const picture = (labels: string[]): Buffer => confusionPicture({ title: 'T', matrix, labels }, lightTheme);
    expect(picture(['ধন্যবাদ', 'B'])).toEqual(picture(['নমস্কার', 'B']));
    expect(picture(['ধন্যবাদ', 'B'])).not.toEqual(picture(['class 0', 'B'])); // The line below it.
    expect(picture(['谢谢', '👋'])).not.toEqual(picture(['你好', '👋']));
  });
});

describe('the marks of a legend', () => {
  it('have the dashes of their lines, and are blocks for bars', () => {
    const marks: unknown[] = [];
    drawChart(
      { width: 300, height: 200 },
      lightTheme,
      {
        type: 'bar',
        data: {
          labels: [1, 2],
          datasets: [
            { type: 'line', label: 'dashed', data: [1, 2], borderDash: [7, 4] },
            { type: 'line', label: 'full', data: [1, 2] },
            { type: 'bar', label: 'bars', data: [1, 2] },
          ],
        },
        options: { plugins: { legend: legendAsDrawn() } },
      },
      (_, { legend }) => marks.push(...(legend?.legendItems ?? [])),
    );
    expect(marks).toMatchObject([
      { text: 'dashed', lineDash: [7, 4], pointStyle: 'line' },
      { text: 'full', lineDash: [], pointStyle: 'line' },
      { text: 'bars', lineDash: [], pointStyle: 'rect' },
    ]);
  });
});

/** From which to which share of its height a colour is found in a picture. */
async function rowsOf(png: Buffer, colour: string): Promise<[first: number, last: number]> {
  const image = await loadImage(png);
  const context = createCanvas(image.width, image.height).getContext('2d');
  context.drawImage(image, 0, 0);
  const wanted = [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
  const legend = Math.round(image.height * 0.9);
  const { data } = context.getImageData(0, 0, image.width, legend);
  const rows = Array.from({ length: legend }, (_, row) => row).filter((row) =>
    Array.from({ length: image.width }, (_, x) => 4 * (row * image.width + x)).some((at) =>
      wanted.every((channel, place) => data[at + place] === channel),
    ),
  );
  return [Math.min(...rows) / image.height, Math.max(...rows) / image.height];
}

describe('training curves', () => {
  it('have losses in the upper panel and accuracies in the lower one, whatever their values', async () => {
    const points = [1, 2, 3].map((epoch) => ({ epoch, train_loss: 2 / epoch, val_loss: 0.01, gloss_acc: 0.99, cat_acc: epoch / 3 }));
    const png = curvesPicture('T', points, lightTheme);
    const [, valLoss, gloss] = lightTheme.series;
    const [, lowestLoss] = await rowsOf(png, valLoss);
    const [highestAccuracy] = await rowsOf(png, gloss);
    expect(lowestLoss).toBeGreaterThan(0.3);
    expect(highestAccuracy).toBeGreaterThan(lowestLoss);
  });
});

describe('a strip of skeletons', () => {
  it('shows movement, leaves out key points that were not found, and can be drawn of any clip', async () => {
    const frames = 12;
    const still = new Float32Array(frames * 156).fill(0.5);
    const moving = still.map((value, place) => (place % 2 === 0 ? value + 0.3 * Math.sin(place) : value * Math.cos(place)));
    expect(clipStrip({ values: moving, frames }, HOLISTIC_78)).not.toEqual(clipStrip({ values: still, frames }, HOLISTIC_78));
    const image = await loadImage(clipStrip({ values: moving, frames }, HOLISTIC_78));
    expect([image.width, image.height]).toEqual([1024, 144]);
    const empty = clipStrip({ values: new Float32Array(156), frames: 1 }, HOLISTIC_78);
    const context = createCanvas(1024, 144).getContext('2d');
    context.drawImage(await loadImage(empty), 0, 0);
    expect(context.getImageData(0, 0, 1024, 144).data.every((value) => value === 0)).toBe(true);
  });
});
