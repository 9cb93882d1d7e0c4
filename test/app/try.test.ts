import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
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

inBrowser(`the page Try${chromium === undefined ? ' (skipped: there is no Chromium on this machine)' : ''}`, () => {
  it('plays a clip that is given to it, and names its sign among the five likeliest', async () => {
    const [sign = ''] = inApp.signs();
    await onPage({ width: 1280, colorScheme: 'light' }, async (page) => {
      await page.locator('#files').setInputFiles(inApp.clipOf(sign, 'train'));
      await page.locator('.ranking').first().waitFor();
      expect(await page.locator('.ranking').first().locator('li .label').allTextContents()).toHaveLength(5);
      expect(await page.locator('.ranking li.true .label').first().textContent()).toContain(sign);
      expect(await page.locator('.badge').textContent()).toBe('T');
      const picture = (): Promise<string> =>
        page.locator('canvas').evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL());
      const before = await picture();
      await page.getByLabel('Frame').focus();
      for (let press = 0; press < 6; press++) await page.keyboard.press('ArrowRight');
      expect(await page.locator('output').textContent()).toMatch(/^7 of \d+/);
      expect(await picture()).not.toBe(before);
      expect(await faults(page)).toEqual([]);
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
      const download = page.getByText('Download as CSV');
      await download.waitFor();
      expect(await page.locator('tbody tr').count()).toBe(clips.length + 1);
      expect(await page.locator('tbody tr').first().textContent()).toContain('it is no .npz');
      const [file] = await Promise.all([page.waitForEvent('download'), download.click()]);
      const csv = readFileSync(await file.path(), 'utf8')
        .trim()
        .split('\r\n');
      expect(csv[0]).toMatch(/^file,pred_gloss,pred_gloss_label,confidence/);
      expect(csv).toHaveLength(clips.length + 2);
      await page.locator('tbody button').nth(1).click();
      await page.locator('.best').waitFor();
      expect(await faults(page)).toEqual([]);
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
