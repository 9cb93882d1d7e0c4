import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { train } from '../../src';
import { answers } from '../../src/app/server/api-routes';
import { modelAnswers } from '../../src/app/server/models-routes';
import { lockFolder } from '../../src/foundation/folder-lock';
import { required } from '../../src/foundation/required';
import { AppInBrowser, faults, type Look } from '../support/app-in-browser';
import { chromium } from '../support/browser';

const inBrowser = chromium === undefined ? describe.skip : describe;
const skipped = chromium === undefined ? ' (skipped: there is no Chromium on this machine)' : '';
const inApp = new AppInBrowser();
/** The model that learnt its signs, and one that had no time to. */
let good: string;
let poor: { readonly name: string; readonly folder: string };

beforeAll(async () => {
  if (chromium === undefined) return;
  const { folder } = await train({
    data: inApp.data,
    save_dir: path.join(inApp.root, 'transformer'),
    description: 'poor',
    ...{ emb_dim: 32, num_heads: 4, num_layers: 1, max_len: 40, batch_size: 16, epochs: 1 },
  });
  poor = { name: path.basename(folder), folder };
  const { models } = answers.models.parse((await get('api/models')).body);
  good = required(
    models.find(({ name }) => name !== poor.name),
    'the good model',
  ).name;
});

async function get(address: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${inApp.address}${address}`);
  return { status: response.status, body: await response.json() };
}

async function post(address: string, body: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${inApp.address}${address}`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  return { status: response.status, body: await response.json() };
}

inBrowser(`the endpoints of models${skipped}`, () => {
  it('tell all that is known of a model', async () => {
    const view = modelAnswers.model.parse((await get(`api/models/${poor.name}`)).body);
    expect(view).toMatchObject({
      model: { name: poor.name },
      facts: { glosses: 8 },
      releases: [],
      next_versions: { major: '1.0.0' },
      problems: [],
    });
    expect(view.card).toContain(`# ${poor.name}`);
    expect(view.curves).toHaveLength(1);
    expect(view.baselines).toEqual([good]);
  });

  it('count which signs were taken for which, and give the clips of a cell', async () => {
    const confusion = modelAnswers.confusion.parse((await get(`api/models/${poor.name}/confusion`)).body);
    expect(confusion.cells.reduce((sum, { clips }) => sum + clips, 0)).toBe(confusion.clips);
    const wrong = required(
      confusion.cells.find(({ truth, predicted }) => truth !== predicted),
      'a mistake',
    );
    const { total, clips } = modelAnswers.clips.parse(
      (await get(`api/models/${poor.name}/clips?truth=${wrong.truth}&predicted=${wrong.predicted}`)).body,
    );
    expect(total).toBe(wrong.clips);
    const [clip] = clips;
    expect(clip).toMatchObject({ gloss: { truth: { id: wrong.truth }, predicted: { id: wrong.predicted }, correct: false } });
    expect(clip?.likeliest[0]?.id).toBe(wrong.predicted);
    const answer = await fetch(`${inApp.address}api/models/${poor.name}/clips/${clip?.place ?? -1}`);
    const sent = Buffer.from(await answer.arrayBuffer());
    expect(sent.equals(readFileSync(path.join(inApp.data, 'keypoints_val', `${clip?.file ?? ''}.npz`)))).toBe(true);
  });

  it('name models and clips from lists only, and refuse the rest in a line', async () => {
    const refused: (readonly [string, number])[] = [
      ['api/models/nothing', 404],
      ['api/models/..%2F..%2Fetc', 404],
      [`api/models/${good}/confusion?head=tail`, 400],
      [`api/models/${good}/clips?limit=-1`, 400],
      [`api/models/${good}/clips/9999`, 404],
      [`api/models/${good}/clips/..%2F..%2Fconfig.json`, 400],
      [`api/compare?model=${good}`, 400],
      [`api/compare?model=${good}&model=${good}`, 400],
      [`api/compare?model=${good}&model=..%2Fother`, 404],
      [`api/compare?model=${good}&model=${good}@1.0.0`, 404],
    ];
    for (const [address, status] of refused) {
      const answer = await get(address);
      expect([address, answer.status]).toEqual([address, status]);
      expect(answers.problem.parse(answer.body).error).not.toContain('\n');
    }
    for (const body of ['no json', '[]', '{"bump": "huge", "notes": ["x"]}', '{"bump": "minor", "notes": []}', '{"path": "/etc"}'])
      expect((await post(`api/models/${good}/release`, body)).status).toBe(400);
  });

  it('keep clips within the folder of the data, whatever a table says', async () => {
    const table = path.join(poor.folder, 'evaluation_results/predictions.csv');
    const text = readFileSync(table, 'utf8');
    const [head = '', first = '', ...rows] = text.split('\n');
    writeFileSync(table, [head, first.replace(/^[^,]*/, '../keypoints_train/x'), first.replace(/^[^,]*/, 'gone'), ...rows].join('\n'));
    for (const place of [0, 1]) {
      const { status, body } = await get(`api/models/${poor.name}/clips/${place}`);
      expect([status, answers.problem.parse(body).error]).toEqual([404, expect.stringMatching(/outside|no such/)]);
    }
    writeFileSync(table, text);
  });

  it('compare models by their evaluations, those clips first of which they say different things', async () => {
    const comparison = modelAnswers.comparison.parse((await get(`api/compare?model=${poor.name}&model=${good}`)).body);
    expect(comparison).toMatchObject({ same_clips: true, shared_clips: 8, clips_of: poor.name });
    expect(comparison.models.map(({ title }) => title)).toEqual([poor.name, good]);
    expect(comparison.contrasts[0]?.verdict).toContain(good);
    const differing = comparison.clips.map(({ said }) => said[0]?.label !== said[1]?.label);
    expect(differing[0]).toBe(true);
    expect(differing).toEqual(differing.toSorted((one, other) => Number(other) - Number(one)));
  });

  it('know a model from the moment on at which it is there', async () => {
    const late = poor.name.replace('poor', 'late');
    expect((await get(`api/models/${late}`)).status).toBe(404);
    await get('api/models'); // What is found is remembered for a while.
    cpSync(poor.folder, path.join(path.dirname(poor.folder), late), { recursive: true });
    const found = await get(`api/models/${late}`);
    rmSync(path.join(path.dirname(poor.folder), late), { recursive: true });
    expect((await get('api/models/none')).status).toBe(404); // It is forgotten again.
    expect(modelAnswers.model.parse(found.body).model.name).toBe(late);
  });

  it('say what of a folder is not as it should be', async () => {
    const log = path.join(poor.folder, 'training_log.txt');
    const text = readFileSync(log, 'utf8');
    writeFileSync(log, 'no log');
    const { findings } = modelAnswers.check.parse((await get(`api/models/${poor.name}/check`)).body);
    expect(findings).toMatchObject([{ severity: 'problem', place: 'training_log.txt' }]);
    writeFileSync(log, text);
  });

  it('say in one line who is at work on a model that is to be promoted', async () => {
    const lock = lockFolder(poor.folder, 'train');
    const { status, body } = await post(`api/models/${poor.name}/promote`, '{}');
    lock.release();
    expect(status).toBe(422);
    expect(answers.problem.parse(body).error).toMatch(/\(train\) is at work on it/);
  });
});

const wide: Look = { width: 1280, colorScheme: 'light' };

inBrowser(`the page Models${skipped}`, () => {
  it('lists the models, sorts and searches them', async () => {
    await inApp.look('models', wide, async (page) => {
      const names = page.locator('tbody th a');
      await names.first().waitFor();
      expect(await names.count()).toBe(2);
      await page.getByRole('button', { name: 'Signs right' }).click();
      expect(await names.first().textContent()).toBe(good);
      await page.getByRole('searchbox').fill('poor');
      expect(await names.allTextContents()).toEqual([poor.name]);
      expect(await faults(page)).toEqual([]);
    });
  });

  it('shows the mistakes of a model, tells a cell to pointer and keyboard, and plays its clips', async () => {
    appendFileSync(path.join(poor.folder, 'README.md'), '\nNotes of **ours**: <img src=x onerror="alert(1)"> [a link](javascript:alert)\n');
    await inApp.look(`models#${poor.name}`, wide, async (page) => {
      expect(await page.locator('.prose').last().textContent()).toContain('Notes of ours: <img src=x onerror="alert(1)"> a link');
      const wrong = page.locator('.cell.wrong');
      await wrong.first().hover();
      expect(await page.locator('.readout').textContent()).toMatch(/ taken for .+: \d+ clips?, \d+\.\d % of the \d+ that show it/);
      await page.locator('.cell[tabindex="0"]').focus();
      const before = await page.locator('.readout').textContent();
      await page.keyboard.press('ArrowDown');
      expect(await page.locator('.readout').textContent()).not.toBe(before);
      await wrong.first().click();
      await page.locator('.cell-clips .chip').first().click();
      await page.locator('.clip-panel canvas').waitFor();
      expect(await page.locator('.clip-panel .ranking li').count()).toBe(5);
      await page.locator('.verdict').waitFor();
      expect(await faults(page)).toEqual([]);
    });
  });

  it('says what a release does, lists why it cannot be, makes it, and shows the fresh list', async () => {
    await inApp.look(`models#${good}`, { width: 390, colorScheme: 'dark', expected: [BAD_REQUEST] }, async (page) => {
      await page.getByRole('button', { name: 'Release …' }).click();
      const dialog = page.getByRole('dialog');
      expect(await dialog.textContent()).toContain('v1.0.0 (major)');
      await dialog.getByText('Its folder is as it should be').waitFor();
      await dialog.getByLabel('What changed').fill('The first');
      expect(await faults(page)).toEqual([]);
      await dialog.getByLabel('Make a git tag of it').check();
      await dialog.getByRole('button', { name: 'Release' }).click();
      await dialog.getByText('Nothing was changed').waitFor();
      await dialog.getByLabel('Make a git tag of it').uncheck();
      await dialog.getByRole('button', { name: 'Release' }).click();
      await dialog.getByText('v1.0.0 is released').waitFor();
      await dialog.getByRole('button', { name: 'Close' }).click();
      await page.locator('.tag', { hasText: 'v1.0.0' }).waitFor();
      await page.locator('.changelog li').first().waitFor();
      await page.locator('.verdict').waitFor();
      expect(await faults(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    });
    const { models } = answers.models.parse((await get('api/models')).body);
    expect(models.find(({ name }) => name === good)).toMatchObject({ version: '1.0.0', stage: 'production' });
  });
});

const BAD_REQUEST = 'Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)';

inBrowser(`the page Compare${skipped}`, () => {
  it('shows where two models differ, plays a clip with what both say, and gives the table as CSV', async () => {
    await inApp.look(`compare#${good},${poor.name}`, wide, async (page) => {
      await page.locator('.verdict').waitFor();
      await page.getByLabel('Only where they differ').check();
      const rows = page.locator('#clips tbody tr');
      const differing = await rows.count();
      expect(differing).toBeGreaterThan(0);
      expect(await page.locator('#clips tbody tr.differs').count()).toBe(differing);
      await rows.first().getByRole('button').click();
      await page.locator('.clip-panel .ranking').nth(1).waitFor();
      const [file] = await Promise.all([page.waitForEvent('download'), page.getByText('Download as CSV').click()]);
      expect(
        readFileSync(await file.path(), 'utf8')
          .trim()
          .split('\r\n'),
      ).toHaveLength(9);
      expect(await faults(page)).toEqual([]);
    });
  });

  it('lets both recognise clips that are dropped, on a phone in the dark', async () => {
    await inApp.look('compare', { width: 390, colorScheme: 'dark', expected: [BAD_REQUEST] }, async (page) => {
      await page.locator('.verdict').waitFor();
      const [sign = ''] = inApp.signs();
      const broken = { name: 'broken.npz', mimeType: '', buffer: Buffer.from('no zip') };
      await page.locator('#files').setInputFiles([inApp.clipOf(sign), broken]);
      await page.getByText('Click on a clip to see it').waitFor();
      expect(await page.locator('#clips tbody tr').first().locator('td').first().textContent()).toBe(sign);
      expect(await page.locator('#clips tbody tr').nth(1).textContent()).toContain('it is no .npz');
      await page.locator('#clips tbody tr').first().getByRole('button').click();
      await page.locator('.clip-panel .ranking').nth(1).waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
      expect(await faults(page)).toEqual([]);
    });
  });
});
