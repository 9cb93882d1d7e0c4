import { describeFailure } from '../src/cli/exit';
import { UserError } from '../src/foundation/errors';
import { nearestName } from '../src/foundation/text';
import { readBenchFlags, benchUsage } from './flags';
import { figuresText } from './figures';

const benches = {
  step: async () => (await import('./step.js')).benchStep,
  epoch: async () => (await import('./epoch.js')).benchEpoch,
  breakdown: async () => (await import('./breakdown.js')).benchBreakdown,
  features: async () => (await import('./features.js')).benchFeatures,
  load: async () => (await import('./load.js')).benchLoad,
  checkpoint: async () => (await import('./checkpoint.js')).benchCheckpoint,
  memory: async () => (await import('./memory.js')).benchMemory,
  save: async () => (await import('./save.js')).benchSave,
  fuzz: async () => (await import('./fuzz.js')).benchFuzz,
  evaluate: async () => (await import('./evaluate.js')).benchEvaluate,
  predict: async () => (await import('./predict.js')).benchPredict,
  app: async () => (await import('./app.js')).benchApp,
  picture: async () => (await import('./picture.js')).benchPicture,
  pack: async () => (await import('./pack.js')).benchPack,
  stream: async () => (await import('./stream.js')).benchStream,
  parallel: async () => (await import('./parallel.js')).benchParallel,
  validate: async () => (await import('./validate.js')).benchValidate,
} as const;

/** Runs one bench and prints its figures: for people, or with `--json` as one document. */
async function main([name, ...argv]: readonly string[]): Promise<void> {
  if (name === undefined || name === '--help' || argv.includes('--help')) {
    process.stdout.write(benchUsage);
    return;
  }
  if (!isBench(name)) {
    const nearest = nearestName(name, Object.keys(benches));
    throw new UserError(
      `${name}: unknown bench; ${nearest === undefined ? `there are ${Object.keys(benches).join(', ')}` : `did you mean ${nearest}?`}`,
    );
  }
  const flags = readBenchFlags(argv, ['step', 'breakdown', 'evaluate', 'predict', 'memory', 'app', 'validate'].includes(name) ? 100 : 30);
  const bench = await benches[name]();
  const figures = { bench: name, ...(await bench(flags)) };
  process.stdout.write(flags.json ? `${JSON.stringify(figures, null, 2)}\n` : figuresText(figures));
}

function isBench(name: string): name is keyof typeof benches {
  return Object.hasOwn(benches, name);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const { text, exitCode } = describeFailure(error, false);
  process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
});
