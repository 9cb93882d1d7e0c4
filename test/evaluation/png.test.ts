import { createCanvas, loadImage, type Canvas } from '@napi-rs/canvas';
import { expect, it } from '@jest/globals';
import { endAsPng } from '../../src/evaluation/pictures/png';

async function pixelsOf(png: Buffer): Promise<{ width: number; height: number; pixels: Buffer }> {
  const image = await loadImage(png);
  const { width, height } = image;
  const canvas = createCanvas(width, height);
  canvas.getContext('2d').drawImage(image, 0, 0);
  return { width, height, pixels: Buffer.from(canvas.data()) };
}

function drawing(): Canvas {
  const canvas = createCanvas(37, 19);
  const context = canvas.getContext('2d');
  context.fillStyle = '#fffef8';
  context.fillRect(0, 0, 37, 19);
  context.strokeStyle = '#3377ff';
  for (let line = 0; line < 5; line++) {
    context.moveTo(line * 7, 1);
    context.lineTo(36 - line, 17);
  }
  context.stroke();
  return canvas;
}

it('an opaque drawing is, as a PNG, the very pixels that the canvas would write', async () => {
  const canvas = drawing();
  const own = await pixelsOf(endAsPng(canvas));
  expect(own).toEqual(await pixelsOf(drawing().toBuffer('image/png')));
  expect(own.pixels.equals(drawing().data())).toBe(true);
  expect([canvas.width, canvas.height]).toEqual([1, 1]);
});
