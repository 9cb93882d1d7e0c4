import { readFileSync } from 'node:fs';
import path from 'node:path';
import { GlobalFonts } from '@napi-rs/canvas';
import { elementAt, required } from '../../foundation/required';

/**
 * The letters that pictures can be written in. A bare container has no font at all, so all of them come with packages: DejaVu for Latin, Greek, Cyrillic, Arabic,
 * Hebrew, Georgian and many signs; Noto for the scripts below, whose fonts come in files of some hundred letters each and are read only for a text that needs them.
 */
const DEJAVU = 'DejaVu Sans';
/** The packages by the letters that are looked for in them: their own lists name some that their fonts lack. */
const NOTO = [
  {
    name: 'noto-sans-devanagari',
    list: () => require.resolve('@fontsource-variable/noto-sans-devanagari/unicode.json'),
    letters: /[\p{Script=Devanagari}\u0964\u0965]/u,
  },
  {
    name: 'noto-sans-thai',
    list: () => require.resolve('@fontsource-variable/noto-sans-thai/unicode.json'),
    letters: /[\p{Script=Thai}\u0e3f]/u,
  },
  { name: 'noto-sans-kr', list: () => require.resolve('@fontsource-variable/noto-sans-kr/unicode.json'), letters: /\p{Script=Hangul}/u },
  {
    name: 'noto-sans-sc',
    list: () => require.resolve('@fontsource-variable/noto-sans-sc/unicode.json'),
    letters: /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\u30fc\uff00-\uffef]/u,
  },
  {
    name: 'noto-emoji',
    list: () => require.resolve('@fontsource-variable/noto-emoji/unicode.json'),
    letters: /[\p{Emoji}\p{Emoji_Component}]/u,
  },
] as const;

/** A file of letters that DejaVu lacks. */
interface FontFile {
  readonly file: string;
  /** What a canvas calls it: one family a file, since of several files in one family a canvas takes letters of the first alone. */
  readonly family: string;
  readonly ranges: readonly Range[];
}

type Range = readonly [first: number, last: number];

let dejaVu: readonly Range[] | undefined;
const files = new Map<string, readonly FontFile[]>();
const brought = new Set<string>();

/** A canvas font: DejaVu, and behind it the families that texts so far have needed. */
export function fontOf(size: number, weight: 'normal' | 'bold' = 'normal'): string {
  return `${weight} ${size}px ${fontFamilies()}`;
}

/** The families of {@link fontOf}, as CSS names them. */
export function fontFamilies(): string {
  return [DEJAVU, ...brought].map((family) => `"${family}"`).join(', ');
}

/** Makes fonts ready for the letters of a text: to be called before anything is measured or drawn with them. */
export function bringFontsFor(text: string): void {
  dejaVu ??= registerDejaVu();
  for (const letter of lettersWithoutDejaVu(text)) {
    const found = fileOf(letter);
    if (found === undefined || brought.has(found.family)) continue;
    GlobalFonts.registerFromPath(found.file, found.family);
    brought.add(found.family);
  }
}

/** Whether a text can be written: no letter of it would be an empty box. */
export function canWrite(text: string): boolean {
  return lettersWithoutDejaVu(text).every((letter) => fileOf(letter) !== undefined);
}

/** What only joins letters, or chooses between their forms, is no letter. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cc}]/gu;

function lettersWithoutDejaVu(text: string): string[] {
  const covered = (dejaVu ??= registerDejaVu());
  return [...new Set(text.replace(INVISIBLE, ''))].filter((letter) => !isWithin(covered, letter));
}

/** The file of Noto that has a letter; undefined where none has it. */
function fileOf(letter: string): FontFile | undefined {
  const noto = NOTO.find(({ letters }) => letters.test(letter));
  return noto && filesOf(noto).find(({ ranges }) => isWithin(ranges, letter));
}

function isWithin(ranges: readonly Range[], letter: string): boolean {
  const code = required(letter.codePointAt(0), 'the code of a letter');
  return ranges.some(([first, last]) => code >= first && code <= last);
}

function registerDejaVu(): readonly Range[] {
  const regular = require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf');
  for (const file of [regular, require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf')]) GlobalFonts.registerFromPath(file, DEJAVU);
  return lettersOfTrueType(readFileSync(regular));
}

/** The files of a package with the letters beyond Latin, which its `unicode.json` lists as `U+e01-e3a,U+e3f`. */
function filesOf({ name, list: listOf }: (typeof NOTO)[number]): readonly FontFile[] {
  const known = files.get(name);
  if (known !== undefined) return known;
  const list = listOf();
  const ranges = JSON.parse(readFileSync(list, 'utf8')) as Readonly<Record<string, string>>;
  const found = Object.entries(ranges)
    .map(([key, listed]) => ({ part: key.replace(/[[\]]/g, ''), listed }))
    .filter(({ part }) => !part.startsWith('latin'))
    .map(({ part, listed }) => ({
      file: path.join(path.dirname(list), 'files', `${name}-${part}-wght-normal.woff2`),
      family: `${name} ${part}`,
      ranges: listed.split(',').map(rangeOf),
    }));
  files.set(name, found);
  return found;
}

function rangeOf(listed: string): Range {
  const ends = listed
    .replace('U+', '')
    .split('-')
    .map((end) => parseInt(end, 16));
  return [elementAt(ends, 0), elementAt(ends, ends.length - 1)];
}

/** The letters of a TrueType font, of its `cmap` of format 12 (Microsoft's OpenType specification, "cmap — Character to Glyph Index Mapping Table"). */
function lettersOfTrueType(font: Buffer): Range[] {
  const at = (place: number, size: 2 | 4): number => font.readUIntBE(place, size);
  const tables = Array.from({ length: at(4, 2) }, (_, index) => 12 + 16 * index);
  const cmap = tables.filter((place) => font.toString('latin1', place, place + 4) === 'cmap').map((place) => at(place + 8, 4));
  const formats = cmap.flatMap((table) => Array.from({ length: at(table + 2, 2) }, (_, index) => table + at(table + 4 + 8 * index + 4, 4)));
  const full = formats.find((place) => at(place, 2) === 12);
  if (full === undefined) throw new Error('the font has no cmap of format 12');
  return Array.from({ length: at(full + 12, 4) }, (_, group) => [at(full + 16 + 12 * group, 4), at(full + 20 + 12 * group, 4)] as const);
}
