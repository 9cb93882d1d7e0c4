import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { benchUsage } from '../../bench/flags';
import { commands } from '../../src/cli/commands';
import { flagsOfEvaluate, flagsOfPredict, flagsOfTrain, type BroughtFlags } from '../../src/cli/pytorch-flags';
import { ownModels } from '../../src/models/model-table';
import { sharedCommands } from '../support/commands';
import { readMarkdown, type MarkdownPage } from './markdown';

const root = path.resolve(__dirname, '../..');

const pages = new Map<string, MarkdownPage>(
  [
    ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'trained_models/TRAINED_MODEL_GUIDE.md', 'bench/README.md'],
    ...readdirSync(path.join(root, 'docs'))
      .filter((file) => file.endsWith('.md'))
      .map((file) => `docs/${file}`),
  ].map((file) => [file, readMarkdown(readText(file))]),
);

function readText(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** What every page has of something, with the page it is on. */
function onAllPages(claimsOf: (page: MarkdownPage) => readonly string[]): { page: string; claim: string }[] {
  return [...pages].flatMap(([page, content]) => claimsOf(content).map((claim) => ({ page, claim })));
}

const { kumpas } = sharedCommands();

/** Commands that have actions. */
const GROUPS = ['convert', 'models', 'data'] as const;
const COMMANDS = [...Object.keys(commands), 'bench'];
/** The flags that each command has, with all its models or actions. */
const flagsOf = new Map<string, ReadonlySet<string>>([['bench', new Set([...(benchUsage.match(/--[a-z]+/g) ?? []), '--help'])]]);

beforeAll(async () => {
  for (const command of Object.keys(commands)) flagsOf.set(command, await flagsInHelp(command));
  for (const model of ownModels.names) addFlags('train', await flagsInHelp('train', '--model', model));
  for (const group of GROUPS) {
    flagsOf.delete(group);
    for (const action of await actionsInHelp(group)) addFlags(group, await flagsInHelp(group, action));
  }
  // No help shows it; every command has it.
  for (const command of Object.keys(commands))
    if ((await kumpas(command, '--version')).output.startsWith('kumpas ')) addFlags(command, new Set(['--version']));
});

function addFlags(command: string, flags: ReadonlySet<string>): void {
  flagsOf.set(command, new Set([...(flagsOf.get(command) ?? []), ...flags]));
}

async function actionsInHelp(command: string): Promise<string[]> {
  const { output: help } = await kumpas(command, '--help');
  const actions = help.slice(help.indexOf('Actions:'), help.indexOf('Examples:'));
  return [...actions.matchAll(/^ {2}([a-z-]+) /gm)].flatMap(([, action]) => action ?? []);
}

/** The flags that a command's help shows. */
async function flagsInHelp(...command: readonly string[]): Promise<Set<string>> {
  const { output: help } = await kumpas(...command, '--help');
  const columns = help.split('\n').flatMap((line) => /^ +(?:-\w, )?(--[a-z][a-z-]*(?:, --[a-z][a-z-]*)*)(?= |$)/.exec(line)?.[1] ?? []);
  return new Set(columns.flatMap((column) => column.split(', ')));
}

/** Flags of the PyTorch pipeline that a command understands beside those that its help shows. */
function broughtTo(command: string): string[] {
  const brought: Record<string, BroughtFlags> = { train: flagsOfTrain, evaluate: flagsOfEvaluate, predict: flagsOfPredict };
  return Object.keys(brought[command] ?? {}).map((flag) => `--${flag}`);
}

describe('the pages of the repository', () => {
  it('name only scripts that package.json has', () => {
    const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> };
    const named = onAllPages((page) => page.commands).flatMap(({ page, claim }) => {
      const script = /^npm (?:run (?:--silent )?)?([\w:-]+)/.exec(claim)?.[1];
      return script === undefined || ['ci', 'install'].includes(script) ? [] : [{ page, script }];
    });
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ script }) => scripts[script] === undefined)).toEqual([]);
  });

  it.each(COMMANDS)('show how %s is used, with flags that its help has', (command) => {
    const known = new Set([...(flagsOf.get(command) ?? []), ...broughtTo(command)]);
    const used = onAllPages((page) => page.commands)
      .filter(({ claim }) => claim.startsWith(`npm run ${command} -- `))
      .flatMap(({ page, claim }) => (claim.match(/ --[a-z][\w-]*/g) ?? []).map((flag) => ({ page, flag: flag.trim() })));
    expect(known.has('--help')).toBe(true);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter(({ flag }) => !known.has(flag))).toEqual([]);
  });

  it('name only flags in their sentences that some command has', () => {
    const known = new Set(['--version', ...[...flagsOf].flatMap(([command, ofCommand]) => [...ofCommand, ...broughtTo(command)])]);
    const configuration = readText('docs/configuration.md');
    const named = onAllPages(({ inlineCode }) => inlineCode).filter(({ claim }) => /^--[a-z]/.test(claim));
    const unknown = named.filter(({ claim }) => {
      const flag = /^--[\w-]+/.exec(claim)?.[0].replace(/^--no-/, '--') ?? '';
      return !known.has(flag) && !configuration.includes(`\`${flag}\``);
    });
    expect(named.length).toBeGreaterThan(20);
    expect(unknown).toEqual([]);
  });

  it('link only to files and headings that exist', () => {
    const broken = onAllPages(({ links }) => links).filter(({ page, claim }) => {
      if (/^[a-z]+:/.test(claim)) return false;
      const [target = '', anchor] = claim.split('#');
      const file = target === '' ? page : path.join(path.dirname(page), target);
      if (!existsSync(path.join(root, file))) return true;
      return anchor !== undefined && pages.get(file)?.anchors.includes(anchor) !== true;
    });
    expect(broken).toEqual([]);
  });

  it('name only files and folders of the repository that exist', () => {
    const named = onAllPages(({ inlineCode }) => inlineCode).filter(({ claim }) =>
      /^(src|test|scripts|configs|docs|bench)\/[\w./-]*$/.test(claim),
    );
    // The page on extending Kumpas makes files of its own, each followed by what stands in it.
    const made = new Set([...readText('docs/extending.md').matchAll(/`(src\/[^`]+)`:\n\n```ts\n/g)].map(([, file]) => file));
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(({ claim }) => !made.has(claim) && !existsSync(path.join(root, claim)))).toEqual([]);
  });
});

describe('the README', () => {
  const readme = readText('README.md');

  it('starts with the two commands', () => {
    expect(readMarkdown(readme).commands.slice(0, 2)).toEqual(['npm run train -- --model transformer', 'npm test']);
  });

  it('has a row for every room, with what the lint rule lets it use', () => {
    const rule = roomsRule();
    const rows = new Map(
      [...readme.matchAll(/^\| `src\/(\w+)` *\|[^|]*\| ([^|]*?) *\|$/gm)].map(([, room = '', uses = '']) => [room, uses]),
    );
    const folders = readdirSync(path.join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect([...rows.keys()].sort()).toEqual(folders.map(({ name }) => name).sort());
    expect(rule.size).toBeGreaterThan(5);
    for (const [room, uses] of rule) expect([room, roomsIn(rows.get(room))]).toEqual([room, uses]);
  });

  it('documents every environment variable of Kumpas’s own', () => {
    const sources = ['src', 'scripts'].flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.(ts|js|mjs)$/.test(file))
        .map((file) => readText(path.join(folder, file))),
    );
    const read = new Set(sources.flatMap((source) => source.match(/\bKUMPAS_[A-Z_]+/g) ?? []));
    expect(read.size).toBeGreaterThan(0);
    expect([...read].filter((variable) => !readme.includes(`| \`${variable}\``))).toEqual([]);
  });
});

/** The lint rule of every room: the rooms that it may use besides `foundation` and `config`. */
function roomsRule(): Map<string, string[]> {
  const { forbidden } = createRequire(__filename)('../../.dependency-cruiser.cjs') as {
    forbidden: { name: string; to: { pathNot?: string } }[];
  };
  return new Map(
    forbidden.flatMap(({ name, to }): [string, string[]][] => {
      const room = /^room-(\w+)$/.exec(name)?.[1];
      const usable = /^\^src\/\(([\w|]+)\)\/$/.exec(to.pathNot ?? '')?.[1]?.split('|') ?? [];
      return room === undefined ? [] : [[room, usable.filter((used) => ![room, 'foundation', 'config'].includes(used))]];
    }),
  );
}

/** The rooms of a cell of the table, without those that every room may use. */
function roomsIn(cell = ''): string[] {
  return [...cell.matchAll(/`(\w+)`/g)].flatMap(([, room = '']) => (room === 'foundation' ? [] : room));
}
