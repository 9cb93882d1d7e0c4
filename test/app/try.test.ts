import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { answers } from '../../src/app/server/api-routes';
import { required } from '../../src/foundation/required';
import { AppInBrowser, faults, type Look } from '../support/app-in-browser';
import { chromium } from '../support/browser';

const inBrowser = chromium === undefined ? describe.skip : describe;
const inApp = new AppInBrowser();

/** Opens the page, and waits until it offers samples. */
async function onPage(look: Look, test: (page: Page) => Promise<void>): Promise<void> {
  await inApp.look('', look, async (page) => {
    await page.locator('.chip').first().waitFor();
    await test(page);
  });
}

function pictureOf(page: Page, canvas: string): Promise<string> {
  return page.locator(canvas).evaluate((drawn) => (drawn as unknown as { toDataURL(): string }).toDataURL());
}

/** The text of the file that a link offers. */
async function downloaded(page: Page, link: Locator): Promise<string> {
  const [file] = await Promise.all([page.waitForEvent('download'), link.click()]);
  return readFileSync(await file.path(), 'utf8');
}

inBrowser(`the page Try${chromium === undefined ? ' (skipped: there is no Chromium on this machine)' : ''}`, () => {
  it('plays a clip that is given to it, and names its sign among the five likeliest', async () => {
    const [sign = ''] = inApp.signs();
    await onPage({ width: 1280, colorScheme: 'light' }, async (page) => {
      await page.locator('#files').setInputFiles(inApp.clipOf(sign, 'train'));
      await page.locator('.ranking').first().waitFor();
      expect(await page.locator('.ranking').first().locator('li .label').allTextContents()).toHaveLength(5);
      expect(await page.locator('.ranking li.true .label').first().textContent()).toContain(sign);
      expect(await page.locator('.badge').textContent()).toBe('T');
      const before = await pictureOf(page, '.player canvas');
      await page.getByLabel('Frame', { exact: true }).focus();
      for (let press = 0; press < 6; press++) await page.keyboard.press('ArrowRight');
      expect(await page.locator('.controls output').textContent()).toMatch(/^7 of \d+/);
      expect(await pictureOf(page, '.player canvas')).not.toBe(before);
      expect(await faults(page)).toEqual([]);
    });
  });

  it('shows how much each frame counts, under the slider, and how any part of the body moves', async () => {
    await onPage({ width: 1280, colorScheme: 'light' }, async (page) => {
      await page.locator('#files').setInputFiles(inApp.clipOf(inApp.signs()[0] ?? ''));
      const plot = page.locator('.attention svg');
      const said = page.locator('.attention output');
      await plot.waitFor();
      expect(await plot.getAttribute('aria-label')).toMatch(/how much each of \d+ frames counts\. Most at frame/);
      expect(await said.textContent()).toMatch(/^frame 1: \d\.\d\d × an even share$/);
      const { width } = required(await plot.boundingBox(), 'the place of the plot');
      await plot.click({ position: { x: width - 1, y: 20 } });
      const frames = await page.locator('.attention rect').count();
      expect(await page.getByLabel('Frame', { exact: true }).inputValue()).toBe(String(frames - 1));
      expect(await said.textContent()).toMatch(new RegExp(`^frame ${frames}: `));
      const map = page.locator('.heat-map canvas');
      const [before, drawn] = [await map.getAttribute('aria-label'), await pictureOf(page, '.heat-map canvas')];
      expect(before).toMatch(/^Heat map of (Left|Right) hand: wrist: from 0\.\d\d to/);
      await page.getByLabel('Part of the body').selectOption({ label: 'Face: chin' });
      expect(await map.getAttribute('aria-label')).toMatch(/^Heat map of Face: chin/);
      expect(await pictureOf(page, '.heat-map canvas')).not.toBe(drawn);
      expect(await page.locator('.movement .line-chart canvas').getAttribute('aria-label')).toMatch(/^Trajectory by frame\. x: .* y: /);
      expect(await page.locator('.facts').textContent()).toMatch(/moves \d+\.\d shoulder widths, \d+\.\d a second/);
    });
  });

  it('shows a sample on a phone in the dark, and nothing runs out of the page', async () => {
    await onPage({ width: 390, colorScheme: 'dark' }, async (page) => {
      expect(await page.locator('#samples-source').textContent()).toContain(inApp.data);
      await page.locator('.chip').first().press('Enter');
      await page.locator('.best').waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
      expect(await faults(page)).toEqual([]);
    });
  });

  it('makes a table of many clips, says which it cannot use, and gives it as CSV', async () => {
    await onPage({ width: 1280, colorScheme: 'dark' }, async (page) => {
      const clips = inApp.signs().map((sign) => inApp.clipOf(sign));
      const broken = { name: 'broken.npz', mimeType: '', buffer: Buffer.from('no zip') };
      await page.locator('#files').setInputFiles([broken, ...clips]);
      const [asCsv, asJson] = [page.getByText('Download as CSV'), page.getByText('Download as JSON')];
      await asCsv.waitFor();
      expect(await page.locator('tbody tr').count()).toBe(clips.length + 1);
      expect(await page.locator('tbody tr').first().textContent()).toContain('it is no .npz');
      const [csv, json] = [(await downloaded(page, asCsv)).trim().split('\r\n'), await downloaded(page, asJson)];
      expect(csv[0]).toMatch(/^file,pred_gloss,pred_gloss_label,confidence/);
      expect(csv).toHaveLength(clips.length + 2);
      const { predictions } = answers.predictions.parse(JSON.parse(json));
      expect(predictions.map(({ file }) => file)).toEqual(['broken.npz', ...clips.map(({ name }) => name)]);
      await page.locator('#batch tbody button').nth(1).click();
      await page.locator('.best').waitFor();
      expect(await faults(page)).toEqual([]);
      for (const [step, place] of [
        [() => page.keyboard.press('ArrowDown'), 2],
        [() => page.getByText('Next clip').click(), 3],
        [() => page.getByText('Previous clip').click(), 2],
      ] as const) {
        await step();
        await page
          .locator('.clip-head')
          .getByText(required(clips[place - 1], 'a clip').name)
          .waitFor();
        expect(await page.locator('.steps output').textContent()).toBe(`${place + 1} of ${clips.length + 1}`);
        expect(await page.locator('#batch [aria-current]').textContent()).toBe(clips[place - 1]?.name);
      }
    });
  });

  it('recognises hundreds of clips with progress, until one stops it', async () => {
    await onPage({ width: 1280, colorScheme: 'light' }, async (page) => {
      const clip = inApp.clipOf(inApp.signs()[0] ?? '');
      let requests = 0;
      await page.route('**/api/predict*', async (route) => {
        requests++;
        if (requests <= 3) await route.continue(); // The others never come back: they are stopped.
      });
      await page.locator('#files').setInputFiles(Array.from({ length: 300 }, (_, place) => ({ ...clip, name: `${place}.npz` })));
      await page.getByText('24 of 300 clips').waitFor();
      expect(await page.locator('#batch progress').getAttribute('max')).toBe('300');
      await page.getByText('Stop', { exact: true }).click();
      await page.getByText('Stopped after 24 of 300 clips.').waitFor();
      expect(await page.locator('#batch tbody tr').count()).toBe(24);
      await page.getByText('Download as JSON').waitFor();
      expect(requests).toBe(5);
    });
  });

  it('says in words that the app does not answer', async () => {
    const expected = ['Failed to load resource: net::ERR_FAILED'];
    await onPage({ width: 1280, colorScheme: 'light', expected }, async (page) => {
      await page.route('**/api/predict*', (route) => route.abort());
      await page.locator('#files').setInputFiles(inApp.clipOf(inApp.signs()[0] ?? ''));
      await page.getByText('The app does not answer').waitFor();
    });
  });
});

inBrowser('the page of the API', () => {
  it('is legible and has its roles', async () => {
    const page = await inApp.browser.newPage({ colorScheme: 'dark' });
    await page.goto(`${inApp.address}api/docs`);
    expect(await faults(page)).toEqual([]);
    await page.close();
  });
});
