import type { SettingFacts } from './setting';

const NONE_WORDS: ReadonlySet<string> = new Set(['none', 'null', 'off']);
const SWITCH_WORDS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * What a flag's text stands for: a number where a number is wanted, null for `none`, `null` and `off` (and for `--no-grad-clip`) where the setting may be
 * none. Anything else is left as it is, for the schema to judge and the message to show.
 */
export function valueFromText(facts: Pick<SettingFacts, 'kind' | 'noneMeans'>, given: unknown): unknown {
  if (given === false && facts.noneMeans !== undefined) return null;
  if (typeof given !== 'string') return given;
  const text = given.trim();
  if (facts.noneMeans !== undefined && NONE_WORDS.has(text.toLowerCase())) return null;
  if (facts.kind === 'switch' && SWITCH_WORDS.has(text.toLowerCase())) return SWITCH_WORDS.get(text.toLowerCase());
  return facts.kind === 'number' && NUMBER.test(text) ? Number(text) : given;
}
