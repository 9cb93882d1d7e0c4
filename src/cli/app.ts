import { appOptions } from '../app/server/options';
import { verbCommand, type Command } from './command';
import { describeFailure, watchForInterruption } from './exit';
import { jsonFlag } from './flags';
import { ownModelFlags, pathOfModel } from './model-flags';
import { hooksOf } from './progress';

const { models, ...options } = appOptions;
const command = 'npm run app --';

/** The `app` command. */
export const appCommand: Command = verbCommand(
  {
    command,
    takes: '[MODEL…]',
    positional: 'model_path',
    summary: 'Starts the app: pages in the browser that try, compare, show and train models, live from a camera too, and an API.',
    options: { model_path: models, ...options },
    flags: { ...ownModelFlags, ...jsonFlag },
    examples: [
      ['npm run app', 'the models of trained_models, the newest first; open the address that is printed'],
      [`${command} transformer_baseline_09-20 --port 0`, 'this model, at a port that is free'],
      [`${command} --model-path model.pt other.pt`, 'two files, as PyTorch wrote them'],
      [`${command} --host 0.0.0.0`, 'for other machines too: the address holds the token that they need'],
      [`${command} --port 0 --json`, 'for a script: address, token and models as one line of JSON'],
    ],
    epilogue: 'Ctrl-C ends it once the requests in flight are answered. docs/app.md describes page and API.',
  },
  async ({ options: { model_path: named = [], ...given }, flags }, terminal) => {
    const { startApp } = await import('../app/server/start-app.js'); // With TensorFlow: only when it is needed.
    const places = await Promise.all([named].flat().map(pathOfModel));
    const { onEvent, ...hooks } = hooksOf(terminal, flags);
    const interruption = watchForInterruption(terminal.errors, 'requests in flight are answered');
    try {
      const app = await startApp(
        { ...given, ...(places.length === 0 ? {} : { models: places }) },
        {
          ...hooks,
          onEvent: (event) => {
            if (event.kind !== 'app-failure') onEvent(event);
            else terminal.errors.write(`${event.request}: ${describeFailure(event.error, true).text}\n`);
          },
        },
      );
      const { address, token, models: served } = app;
      terminal.output.write(flags['json'] === true ? `${JSON.stringify({ address, token, models: served })}\n` : `${address}\n`);
      await aborted(interruption.signal);
      await app.close();
      return 0;
    } finally {
      interruption.end();
    }
  },
);

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}
