import { exec } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { z } from 'zod';
import { startApp, UserError, type RunningApp } from '../../src';
import { answers } from '../../src/app/server/api-routes';
import { MOST_LISTENERS } from '../../src/app/server/run-events';
import { trainingAnswers } from '../../src/app/server/training-routes';
import { required } from '../../src/foundation/required';
import { readMarkdown } from '../readme/markdown';
import { AppInBrowser, faults } from '../support/app-in-browser';
import { chromium } from '../support/browser';

const inBrowser = chromium === undefined ? describe.skip : describe;

describe('the API of trainings', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-runs-'));
  const root = path.join(folder, 'models');
  let app: RunningApp;

  beforeAll(async () => {
    mkdirSync(path.join(folder, 'data'));
    writeRun(root, 'transformer_older_11-25', { epochs: 3, done: 3, created: '2026-11-25T10:00:00.000Z' });
    writeRun(root, 'transformer_newer_11-26', { epochs: 5, done: 2, created: '2026-11-26T10:00:00.000Z' });
    app = await startApp({ root, port: 0, data: path.join(folder, 'data') });
  });

  afterAll(async () => {
    await app.close();
    rmSync(folder, { recursive: true });
  });

  async function get(address: string): Promise<{ status: number; body: unknown }> {
    const response = await fetch(new URL(address, app.address));
    return { status: response.status, body: await response.json() };
  }

  async function post(address: string, body: unknown): Promise<{ status: number; body: z.infer<typeof trainingAnswers.fieldProblem> }> {
    const headers = { 'content-type': 'application/json' };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(new URL(address, app.address), { method: 'POST', headers, body: text });
    return { status: response.status, body: trainingAnswers.fieldProblem.parse(await response.json()) };
  }

  it('lists trainings, the newest first, and tells all of one', async () => {
    const { runs, started } = trainingAnswers.runs.parse((await get('/api/runs')).body);
    expect(started).toEqual([]);
    expect(runs).toMatchObject([
      {
        name: 'transformer_newer_11-26',
        state: 'stopped',
        completed_epochs: 2,
        epochs: 5,
        best: { epoch: 2, gloss_acc: 0.5 },
        at_work: null,
      },
      { name: 'transformer_older_11-25', state: 'finished', completed_epochs: 3, epochs: 3 },
    ]);
    const run = trainingAnswers.run.parse((await get('/api/runs/transformer_newer_11-26')).body);
    expect(run.epochs_done.map(({ epoch, train_loss }) => [epoch, train_loss])).toEqual([
      [1, 1],
      [2, 0.5],
    ]);
    expect(run.incidents).toEqual([{ after_epoch: 1, text: 'the step was not finite' }]);
    expect(run.resume_command).toContain('--resume');
  });

  it('offers the demo set and the data folders that it was told of', async () => {
    const { models, data } = trainingAnswers.choices.parse((await get('/api/training')).body);
    expect(data.map(({ value }) => value)).toEqual(['demo', path.join(folder, 'data')]);
    const transformer = required(
      models.find(({ name }) => name === 'transformer'),
      'the transformer',
    );
    expect(transformer.presets.map(({ name }) => name)).toEqual(['', 'transformer-strong']);
    expect(transformer.presets[0]?.defaults).toMatchObject({ demo: { emb_dim: '128' }, data: { emb_dim: '256' } });
    await expect(startApp({ root, port: 0, data: [path.join(folder, 'nowhere')] })).rejects.toThrow(UserError);
  });

  it('says beside a field what the command line would say', async () => {
    const settings = { epochs: 'many', lr: '-1', seed: ' ' };
    const { status, body } = await post('/api/runs', { model: 'transformer', settings });
    expect({ status, fields: body.fields }).toEqual({
      status: 422,
      fields: { epochs: 'expected a whole number from 1 to 1000000, found "many"', lr: 'expected a number above 0, found "-1"' },
    });
    const odd = await post('/api/runs', { model: 'transformer', settings: { emb_dim: '30', num_heads: '4' } });
    expect(odd.body.fields).toHaveProperty('emb_dim');
  });

  it.each([
    ['/api/runs', '{', 400, 'no JSON'],
    ['/api/runs', [], 400, ''],
    ['/api/runs', {}, 400, 'model'],
    ['/api/runs', { model: 'transformer', save_dir: '/' }, 400, 'save_dir'],
    ['/api/runs', { model: 'transfomer' }, 422, 'did you mean transformer?'],
    ['/api/runs', { model: 'transformer', preset: '../package' }, 422, 'preset: '],
    ['/api/runs', { model: 'transformer', data: '/etc' }, 422, 'data: '],
    ['/api/runs', { model: 'transformer', settings: { save_dir: '/tmp' } }, 422, 'save_dir: '],
    ['/api/runs', { model: 'transformer', settings: { description: '../x' } }, 422, 'description: '],
    ['/api/runs/transformer_older_11-2/stop', {}, 404, 'did you mean transformer_older_11-25?'],
    ['/api/runs/transformer_older_11-25/stop', {}, 409, 'it does not run'],
    ['/api/runs/..%2Fmodels/resume', {}, 404, 'no training'],
    ['/api/runs/transformer_newer_11-26/resume', { epochs: '1' }, 422, 'at least the 2'],
    ['/api/started/7/stop', {}, 404, 'no started training'],
  ])('refuses POST %s %j', async (address, body, status, said) => {
    const refused = await post(address, body);
    expect(refused).toMatchObject({ status, body: { error: expect.stringContaining(said) } });
    expect(refused.body.error).not.toContain('\n');
  });

  it('starts none where it may not', async () => {
    const quiet = await startApp({ root, port: 0, trainings: 0 });
    const response = await fetch(new URL('/api/runs', quiet.address), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"model": "transformer"}',
    });
    expect([response.status, answers.problem.parse(await response.json()).error]).toEqual([409, expect.stringContaining('--trainings 0')]);
    await quiet.close();
  });

  it('tells what happens as events, and what was missed to those who were cut off', async () => {
    const metrics = path.join(root, 'transformer/transformer_newer_11-26/metrics.jsonl');
    const first = await listen();
    const [snapshot] = await first.until(1);
    expect(snapshot?.event).toBe('snapshot');
    expect(trainingAnswers.runs.parse(snapshot?.data).runs).toHaveLength(2);
    appendFileSync(metrics, epochLine(3));
    const [, epoch, run] = await first.until(3);
    expect(epoch).toMatchObject({ event: 'epoch', data: { run: 'transformer_newer_11-26', epoch: 3, gradient_norm: 1.5 } });
    expect(run).toMatchObject({ event: 'run', data: { name: 'transformer_newer_11-26', completed_epochs: 3 } });
    first.leave();
    const again = await listen(snapshot?.id);
    expect((await again.until(2)).map(({ event }) => event)).toEqual(['epoch', 'run']);
    again.leave();
    const foreign = await listen('another-1');
    expect((await foreign.until(1))[0]?.event).toBe('snapshot');
    foreign.leave();
  });

  it('tells so many at once, and no more', async () => {
    const many = await Promise.all(Array.from({ length: MOST_LISTENERS }, () => listen()));
    await Promise.all(many.map(({ until }) => until(1)));
    const { status, body } = await get('/api/events');
    expect([status, answers.problem.parse(body).error]).toEqual([503, expect.stringContaining('listen already')]);
    for (const { leave } of many) leave();
  });

  it('does what the examples of docs/app.md say', async () => {
    const { commands } = readMarkdown(readFileSync(path.resolve(__dirname, '../../docs/app.md'), 'utf8'));
    const examples = commands.filter((command) => /^curl .*\/api\/(runs|training|started)/.test(command));
    const said: string[] = [];
    for (const example of examples) {
      const typed = example.replaceAll('http://127.0.0.1:4321/', app.address).replaceAll('RUN', 'transformer_newer_11-26');
      said.push(await runShell(typed.replace('curl ', 'curl --silent --show-error ')));
      // One at a time: each that was started is ended at once.
      while ((await startedNow()).includes('starting')) {
        for (const id of ['1', '2']) await fetch(new URL(`/api/started/${id}/stop`, app.address), { method: 'POST', body: '' });
      }
    }
    expect(said.map((answer) => Object.keys(JSON.parse(answer) as object)[0])).toEqual(['runs', 'name', 'models', 'id', 'error', 'id']);
  });

  async function startedNow(): Promise<string[]> {
    return trainingAnswers.runs.parse((await get('/api/runs')).body).started.map(({ state }) => state);
  }

  /** Listens to what happens. */
  async function listen(after?: string): Promise<{ until: (count: number) => Promise<Told[]>; leave: () => void }> {
    const leaving = new AbortController();
    const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': after };
    const { body } = await fetch(new URL('/api/events', app.address), { headers, signal: leaving.signal });
    const reader = required(body, 'a stream').pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    return {
      until: async (count) => {
        for (;;) {
          const told = text.split('\n\n').slice(0, -1).map(toldIn);
          if (told.length >= count) return told;
          text += (await reader.read()).value ?? '';
        }
      },
      leave: () => {
        reader.cancel().catch(() => undefined);
        leaving.abort();
      },
    };
  }
});

interface Told {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

function toldIn(text: string): Told {
  const fields = new Map(text.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
  return { id: fields.get('id') ?? '', event: fields.get('event') ?? '', data: JSON.parse(fields.get('data') ?? 'null') };
}

function runShell(line: string): Promise<string> {
  return new Promise((resolve) => {
    exec(line, (_, output) => {
      resolve(output);
    });
  });
}

/** The folder of a training as it lies there when so many of its epochs are done. */
function writeRun(root: string, name: string, { epochs, done, created }: { epochs: number; done: number; created: string }): void {
  const run = path.join(root, 'transformer', name);
  mkdirSync(run, { recursive: true });
  const record = { name, created, versions: { kumpas: '0.1.0' }, classes: { gloss: 3, category: 2 }, model: {} };
  writeFileSync(path.join(run, 'config.json'), JSON.stringify({ model: 'transformer', epochs, run: record }));
  const incident = { event: 'recovered', after_epoch: 1, after_batch: 0, time: created, text: 'the step was not finite' };
  const lines = Array.from({ length: done }, (_, place) => epochLine(place + 1));
  writeFileSync(path.join(run, 'metrics.jsonl'), [lines[0], `${JSON.stringify(incident)}\n`, ...lines.slice(1)].join(''));
}

function epochLine(epoch: number): string {
  const figures = {
    epoch,
    train_loss: 1 / epoch,
    val_loss: 1,
    gloss_acc: 0.5,
    cat_acc: 0.5,
    lr: 1e-3,
    alpha: 0.5,
    beta: 0.5,
    best: epoch < 3,
  };
  const measured = { gradient_norm: 1.5, train_seconds: 1, val_seconds: 0.5, train_clips_per_second: 20, memory_mb: 300 };
  return `${JSON.stringify({ ...figures, ...measured })}\n`;
}

inBrowser(`the page Training${chromium === undefined ? ' (skipped: there is no Chromium on this machine)' : ''}`, () => {
  const inApp = new AppInBrowser();

  afterEach(async () => {
    // Where a test has failed, nothing is left behind that would run on.
    const { runs, started } = trainingAnswers.runs.parse(await (await fetch(new URL('/api/runs', inApp.address))).json());
    const going = runs.filter(({ state }) => state === 'running').map(({ name }) => `runs/${name}`);
    const starting = started.filter(({ state }) => state === 'starting').map(({ id }) => `started/${id}`);
    for (const place of [...going, ...starting]) await fetch(new URL(`/api/${place}/stop`, inApp.address), { method: 'POST', body: '' });
  });

  it('starts a training, lets one watch its curves grow, stops it, and goes on with it', async () => {
    const expected = ['Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)'];
    await inApp.look('training', { width: 1280, colorScheme: 'light', expected }, async (page) => {
      await page.getByRole('button', { name: 'Start a training' }).click();
      await page.getByLabel('Data').selectOption(inApp.data);
      const small = { Epochs: 'many', Name: 'watched', 'Batch size': '16' };
      for (const [label, value] of Object.entries(small)) await page.getByLabel(label, { exact: true }).fill(value);
      await page.getByText('More settings').click();
      const size = { 'Width of the model': '16', 'Attention heads': '2', Layers: '1', 'Longest clip, in frames': '20' };
      for (const [label, value] of Object.entries(size)) await page.getByLabel(label, { exact: true }).fill(value);
      await page.getByRole('button', { name: 'Start', exact: true }).click();
      await page.getByText('expected a whole number from 1 to 1000000, found "many"').waitFor();
      expect(await faults(page)).toEqual([]);

      await page.getByLabel('Epochs', { exact: true }).fill('100000');
      await page.getByRole('button', { name: 'Start', exact: true }).click();
      await page.getByText('npm run train -- --model transformer').waitFor();
      await page.locator('.run-head', { hasText: 'watched' }).waitFor({ timeout: 60_000 });
      const curve = page.getByRole('img', { name: 'Loss by epoch. Training: from' });
      await curve.waitFor();
      const before = await curve.screenshot();
      await page.locator('.log li').nth(8).waitFor();
      expect(await page.locator('.log li').nth(8).textContent()).toMatch(/^epoch +9\/100000 {2}loss \d/);
      // Epochs of so small a model take less than the page's looks at them: until the next look it is the same picture.
      const deadline = Date.now() + 30_000;
      while ((await curve.screenshot()).equals(before) && Date.now() < deadline) await page.waitForTimeout(100);
      expect((await curve.screenshot()).equals(before)).toBe(false);
      expect(await faults(page)).toEqual([]);

      const another = await fetch(new URL('/api/runs', inApp.address), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"model": "transformer"}',
      });
      expect([another.status, answers.problem.parse(await another.json()).error]).toEqual([409, expect.stringContaining('watched')]);
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.locator('.run-head .stopped').waitFor();
      await page.getByLabel('to epoch').fill('123');
      await page.locator('button.run', { hasText: 'watched' }).click(); // It is looked at anew.
      await page.waitForTimeout(1500);
      expect(await page.getByLabel('to epoch').inputValue()).toBe('123');
      const stopped = await chosenRun(page);
      expect(stopped).toMatchObject({ state: 'stopped', epochs: 100_000 });
      const run = path.join(inApp.root, 'transformer', stopped.name);
      expect(readdirSync(run).some((file) => file.endsWith('_last.pt'))).toBe(true);

      const goal = stopped.completed_epochs + 2;
      await page.getByLabel('to epoch').fill(String(goal));
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.locator('.run-head .finished').waitFor({ timeout: 60_000 });
      expect(await chosenRun(page)).toMatchObject({ state: 'finished', completed_epochs: goal });
      expect(existsSync(path.join(run, 'evaluation_results'))).toBe(true);
    });
  });

  it('says why one could not begin, and fits on a phone in the dark', async () => {
    await inApp.look('training', { width: 390, colorScheme: 'dark' }, async (page) => {
      await page.locator('.log li').first().waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
      expect(await faults(page)).toEqual([]);
      const finished = await chosenRun(page);
      await page.getByLabel('to epoch').fill(String(finished.epochs));
      await page.getByRole('button', { name: 'Train further' }).click();
      await page.getByText('has ended with an error').waitFor({ timeout: 60_000 });
      expect(await page.locator('.output').textContent()).toContain('--resume');
      expect(await faults(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    });
  });

  async function chosenRun(page: Page): Promise<z.infer<typeof trainingAnswers.run>> {
    const name = required(await page.locator('.run-head h2').textContent(), 'the name of the run');
    const response = await fetch(new URL(`/api/runs/${name}`, inApp.address));
    return trainingAnswers.run.parse(await response.json());
  }
});
