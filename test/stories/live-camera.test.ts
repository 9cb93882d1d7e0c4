import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { elementAt } from '../../src/foundation/required';
import { AppInBrowser } from '../support/app-in-browser';
import { chromium } from '../support/browser';
import { cameraFlags } from '../support/fake-camera';

/** How long the first picture may take, in milliseconds: without a graphics processor half a minute, on a busy machine minutes. */
const MOST = 600_000;

const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-camera-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const inBrowser = chromium === undefined ? describe.skip : describe;
const inApp = new AppInBrowser(cameraFlags(folder));

inBrowser(`the page Live${chromium === undefined ? ' (skipped: there is no Chromium on this machine)' : ''}`, () => {
  const finds = 'finds the person whom the camera shows where MediaPipe in Python finds them';
  const test = async (): Promise<void> => {
    await inApp.look('live', { width: 1280, colorScheme: 'light' }, async (page) => {
      await page.getByRole('button', { name: 'Start camera' }).click();
      await page.getByText('No hands in the picture').waitFor({ timeout: MOST });
      // The corner of the left eye, and the left shoulder, which is guessed at beneath the suit.
      expect(await partsAt(page, { x: 0.666, y: 0.271 }, 0.0125)).toContain('face');
      expect(await partsAt(page, { x: 0.764, y: 0.623 }, 0.04)).toEqual(['pose']);
    });
  };
  it(finds, test, 2 * MOST);
});

/** The parts of the skeleton that are drawn near a place of the picture, at most so far from it, in shares of the picture. */
async function partsAt(page: Page, { x, y }: { readonly x: number; readonly y: number }, reach: number): Promise<string[]> {
  const pixels: number[] = await page.evaluate(`(() => {
    const canvas = document.querySelector('#overlay');
    const [left, top] = [(${x} - ${reach}) * canvas.width, (${y} - ${reach}) * canvas.height];
    return [...canvas.getContext('2d').getImageData(left, top, 2 * ${reach} * canvas.width, 2 * ${reach} * canvas.height).data];
  })()`);
  const colours = new Set<string>();
  for (let at = 0; at < pixels.length; at += 4) if (elementAt(pixels, at + 3) === 255) colours.add(pixels.slice(at, at + 3).join());
  const parts = { pose: '209,59,64', face: '217,122,22' };
  return Object.entries(parts).flatMap(([part, colour]) => (colours.has(colour) ? [part] : []));
}
