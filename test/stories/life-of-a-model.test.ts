import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, sharedCommands } from '../support/commands';
import { sharedPath } from '../support/shared';

const { kumpasIn } = sharedCommands();

/** A command of the tutorial. */
interface Typed {
  readonly line: string;
  readonly arguments: readonly string[];
  readonly refused: boolean;
}

/** The commands of the tutorial's shell blocks, in their order; a comment says which are refused. */
function tutorialCommands(): Typed[] {
  const page = readFileSync(path.join(checkout, 'docs/life-of-a-model.md'), 'utf8');
  const blocks = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = '']) => block);
  return blocks
    .flatMap((block) => block.split('\n').filter((line) => line !== ''))
    .map((line) => {
      const [command = '', comment = ''] = line.split(/\s+# /);
      const [npm, run, name = '', ...rest] = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
      if (npm !== 'npm' || run !== 'run') throw new Error(`no command of npm: ${line}`);
      return { line, arguments: [name, ...rest.slice(rest[0] === '--' ? 1 : 0)], refused: comment === 'refused' };
    });
}

async function runIn(folder: string, { arguments: typed }: Pick<Typed, 'arguments'>): Promise<{ code: number | null; output: string }> {
  const { code, output, errors } = await kumpasIn(folder, ...typed);
  return { code, output: output + errors };
}

/** Names of models as the tutorial has them, and as they are here: each ends in the day on which it was trained, which may be another one for the next. */
class ModelNames {
  private readonly names = new Map<string, string>();

  constructor(private readonly root: string) {}

  /** After a command that may have trained one. */
  lookAgain(): void {
    if (!existsSync(this.root)) return;
    for (const name of readdirSync(this.root)) this.names.set(name.replace(/_\d\d-\d\d$/, ''), name);
  }

  /** A text of the tutorial with the names that are here. */
  in(text: string): string {
    return text.replaceAll(/(transformer_\w+)_09-20/g, (whole, name: string) => this.names.get(name) ?? whole);
  }
}

/** Real clips where they are here, else as many of the demo set. */
async function provideClips(folder: string): Promise<void> {
  const real = sharedPath('data/isl13');
  if (real !== undefined) symlinkSync(real, path.join(folder, 'clips'));
  else expect(await runIn(folder, { arguments: ['demo-data', '--out', 'clips'] })).toMatchObject({ code: 0 });
}

describe('the life of a model', () => {
  it('goes as docs/life-of-a-model.md tells it', async () => {
    await inTemporaryFolder(async (folder) => {
      await provideClips(folder);
      const models = path.join(folder, 'trained_models', 'transformer');
      const names = new ModelNames(models);
      const commands = tutorialCommands();
      expect(commands.length).toBeGreaterThan(25);
      const outputs = new Map<string, string>();
      for (const typed of commands) {
        const { code, output } = await runIn(folder, { arguments: typed.arguments.map((word) => names.in(word)) });
        names.lookAgain();
        expect({ line: typed.line, code, output }).toEqual({ line: typed.line, code: typed.refused ? 1 : 0, output });
        outputs.set(typed.line, output);
      }
      const said = (part: string): string => [...outputs].filter(([line]) => line.includes(part)).at(-1)?.[1] ?? '';

      const model = path.join(models, names.in('transformer_baseline_09-20'));
      for (const file of ['releases/v1.0.0', 'releases/v1.1.0', 'SignTransformer_production.pt', 'performance_history.png']) {
        expect({ file, there: existsSync(path.join(model, file)) }).toEqual({ file, there: true });
      }
      expect(readFileSync(path.join(model, 'CHANGELOG.md'), 'utf8')).toMatch(
        /## v1\.1\.0 - [^]*gloss 0\.\d+ → 0\.\d+ \(\+[^]*## v1\.0\.0 - /,
      );
      expect(said('transformer_hasty')).toMatch(/less accurate than v1\.1\.0/);
      expect(said('"Class token"')).toMatch(/must be --bump major: pooling_method mean → cls/);
      expect(said('models -- prune --keep 1')).toMatch(new RegExp(`archived +${names.in('transformer_hasty_09-20')}`));
      expect(said('models -- list')).toMatch(new RegExp(`${names.in('transformer_baseline_09-20')} +1\\.1\\.0 +production`));
      expect(said('npm run predict')).toMatch(/^ +clip +gloss +category\n +clips\/keypoints_val\/.+\.npz +\S.* \d+\.\d % +\S.* \d+\.\d %/m);
      expect(said('models -- check --root elsewhere')).toMatch(/^1 model/m);
    });
  });
});
