import { partText } from '../../data/checks/movement-findings';
import {
  setStatistics,
  type ClassStatistics,
  type Percentiles,
  type SetStatistics,
  type SplitStatistics,
} from '../../data/checks/statistics';
import { setOptions } from '../../data/checks/validate';
import { percent, printableLine, shortLabel } from '../../foundation/text';
import { verbCommand, type Command } from '../command';
import { jsonFlag } from '../flags';
import { hooksOf } from '../progress';
import { columns, secondsText } from '../quantities';

/** Glosses of a list; of more, those with the most clips and those with the fewest. */
const LISTED = 20;

/** The `data stats` command. */
export const statsCommand: Command = verbCommand(
  {
    command: 'npm run data -- stats',
    takes: 'SET',
    summary: 'Counts and measures a set: clips, frames, lengths, glosses, signers, missing points; both splits side by side.',
    options: setOptions,
    positional: 'data',
    flags: {
      all: { type: 'boolean', group: 'General:', description: `List every gloss where there are more than ${LISTED}.` },
      ...jsonFlag,
    },
    examples: [
      ['npm run data -- stats clips/', 'tables, for people'],
      ['npm run data -- stats clips/ --json', 'one document, for a script'],
    ],
  },
  async ({ options, flags }, terminal) => {
    const statistics = await setStatistics(options, hooksOf(terminal, flags));
    const text = flags['json'] === true ? JSON.stringify(statistics, null, 2) : statisticsText(statistics, flags['all'] === true);
    terminal.output.write(`${text}\n`);
    return 0;
  },
);

const TITLES = { train: 'training', validation: 'validation', test: 'test', all: 'all' } as const;

function statisticsText({ data, splits, glosses, categories }: SetStatistics, all: boolean): string {
  const row = (name: string, of: (split: SplitStatistics) => string | undefined): string[][] => {
    const cells = splits.map((split) => of(split) ?? '');
    return cells.every((cell) => cell === '') ? [] : [[name, ...cells]];
  };
  if (splits.length === 0) return `${printableLine(data)}: no clips`;
  const parts = Object.keys(splits[0]?.missing ?? {});
  const lines = [
    data,
    '',
    ...columns([
      ['', ...splits.map(({ split }) => TITLES[split])],
      ...row('clips', ({ clips }) => String(clips)),
      ...row('that cannot be used', ({ unusable }) => (unusable === 0 ? undefined : String(unusable))),
      ...row('frames', ({ frames }) => frames.toLocaleString('en')),
      ...row('seconds', ({ seconds }) => (seconds === 0 ? undefined : secondsText(seconds))),
      ...row('frames a second', ({ frameRate }) => spreadText(frameRate, 1)),
      ...row('frames a clip', ({ lengths }) => spreadText(lengths, 0)),
      ...row('5 % to 95 % of them', ({ lengths }) =>
        lengths === undefined || lengths.least === lengths.most ? undefined : `${lengths.p5.toFixed(0)} to ${lengths.p95.toFixed(0)}`,
      ),
      ...row('glosses', ({ glosses: count }) => (count === 0 ? undefined : String(count))),
      ...row('signers', ({ signers }) => signers?.toString()),
      ...row('occluded', ({ occluded }) => (occluded === undefined ? undefined : percent(occluded))),
      ...parts.flatMap((part) => row(`missing of the ${partText(part)}`, ({ missing }) => percent(missing[part] ?? 0))),
      ...row('values', ({ values }) => values && `${values.least.toPrecision(3)} to ${values.most.toPrecision(3)}`),
    ]),
    ...classTable('category', categories, splits, true),
    ...classTable('gloss', glosses, splits, all),
  ];
  return lines.map(printableLine).join('\n');
}

/** `30 (24 to 32)`: the median, the least and the most. */
function spreadText(figures: Percentiles | undefined, digits: number): string | undefined {
  if (figures === undefined) return undefined;
  const [median, least, most] = [figures.median, figures.least, figures.most].map((figure) => figure.toFixed(digits));
  return least === most ? median : `${median} (${least} to ${most})`;
}

/** Classes with their clips, those with the most first. */
function classTable(noun: string, classes: readonly ClassStatistics[], splits: readonly SplitStatistics[], all: boolean): string[] {
  if (classes.length === 0) return [];
  const clipsOf = ({ clips }: ClassStatistics): number => Object.values(clips).reduce((sum, count) => sum + count, 0);
  const sorted = classes.toSorted((one, other) => clipsOf(other) - clipsOf(one) || one.id - other.id);
  const rowOf = (each: ClassStatistics): string[] => [
    String(each.id),
    shortLabel(each.name),
    ...splits.map(({ split }) => String(each.clips[split] ?? 0)),
  ];
  const heading = ['id', noun, ...splits.map(({ split }) => `${TITLES[split]} clips`)];
  if (all || sorted.length <= LISTED) return ['', ...columns([heading, ...sorted.map(rowOf)])];
  const [most, least] = [sorted.slice(0, LISTED / 2), sorted.slice(-LISTED / 2)];
  const between = ['', `… ${sorted.length - LISTED} more (--all lists them)`, ...splits.map(() => '')];
  return ['', ...columns([heading, ...most.map(rowOf), between, ...least.map(rowOf)])];
}
