import { UserError } from '../../foundation/errors';
import { loadModelFile } from '../../models/model-file';
import { ownModels } from '../../models/model-table';
import { runTrial } from './run-trial';
import type { TrialAnswer, TrialRequest } from './trial-processes';

/**
 * A process of its own that trains one trial, as {@link TrialRequest} asks, and tells of it. It ends when its parent does: what it has saved by then is gone on with.
 */
const stopping = new AbortController();

// Ctrl-C reaches all processes of a terminal: the parent says what is to be done.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (request: TrialRequest | 'stop') => {
  if (request === 'stop') stopping.abort();
  else void train(request);
});

async function train({ work, threads, modelFiles, ...hooks }: TrialRequest): Promise<void> {
  // TensorFlow reads them when it is loaded; what the user set stays.
  process.env['TF_NUM_INTRAOP_THREADS'] ??= String(threads);
  process.env['TF_NUM_INTEROP_THREADS'] ??= String(threads);
  try {
    const end = await runTrial(work, {
      ...hooks,
      models: ownModels.with(modelFiles.map(loadModelFile)),
      signal: stopping.signal,
      onEvent: (event) => {
        answer({ kind: 'event', event });
      },
    });
    answer({ kind: 'end', end });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    answer({ kind: 'failed', message, stack: error instanceof Error && !(error instanceof UserError) ? error.stack : undefined });
  }
}

function answer(said: TrialAnswer): void {
  process.send?.(said, undefined, undefined, () => {
    if (said.kind !== 'event') process.disconnect();
  });
}
