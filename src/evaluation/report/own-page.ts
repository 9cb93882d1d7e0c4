import { createHash } from 'node:crypto';
import { RESULT_FILES } from '../../folder/contents';

/**
 * The sha256 of `interaction.js` in every version of Kumpas that wrote pages, in hexadecimal: packs bring pages of earlier versions. A changed script is added
 * here, and the earlier ones stay.
 */
const SCRIPTS: ReadonlySet<string> = new Set(['c71f5706f49ecd8a4aac2ec0cf8d624e6ddefdc3bd30a370fa2286499d8aced5']);

const ELEMENTS = new Set(
  (
    'html head meta title body main h1 h2 p strong nav a div b br span ul li ' +
    'table thead tbody tr th td button picture source img figure figcaption'
  ).split(' '),
);

const FILES: ReadonlySet<string> = new Set(Object.values(RESULT_FILES));
const PICTURE = /^data:image\/png;base64,[A-Za-z0-9+/=]*$/;
const TEXT = /^/;

/** What each attribute of the page may say. */
const ATTRIBUTES: ReadonlyMap<string, RegExp | ((value: string) => boolean)> = new Map<string, RegExp | ((value: string) => boolean)>([
  ['href', (value) => /^#[a-z]+$/.test(value) || FILES.has(value)],
  ['src', PICTURE],
  ['srcset', PICTURE],
  ['style', /^--share: [\d.]+%$/],
  ['http-equiv', /^Content-Security-Policy$/],
  ...['lang', 'charset', 'name', 'content', 'class', 'id', 'type', 'title', 'alt', 'width', 'media', 'data-value'].map(
    (name): [string, RegExp] => [name, TEXT],
  ),
]);

const TAG = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"<>]*")?){0,12})\s*\/?>/y;
const ATTRIBUTE = /([a-z-]+)(?:="([^"]*)")?/g;

/**
 * Why a page is none that {@link reportPage} could have written; undefined where it is one. Whatever its text says, it runs no script but Kumpas's own, and
 * leads and sends nowhere.
 */
export function foreignPart(page: string): string | undefined {
  const withoutScript = withoutElement(page, 'script');
  if (withoutScript.content !== undefined && !SCRIPTS.has(createHash('sha256').update(withoutScript.content).digest('hex')))
    return 'it holds a script that Kumpas did not write';
  const withoutStyle = withoutElement(withoutScript.rest, 'style');
  if (/<|\\|@import|url\(/i.test(withoutStyle.content ?? '')) return 'its style asks for other files';
  const body = withoutStyle.rest.replace(/^<!doctype html>/, '');
  for (let at = body.indexOf('<'); at !== -1; at = body.indexOf('<', at + 1)) {
    const problem = tagProblem(body, at);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** The page without the first element of a name, as Kumpas writes it; any further one is foreign. */
function withoutElement(page: string, name: 'script' | 'style'): { readonly rest: string; readonly content: string | undefined } {
  const [open, close] = [`<${name}>`, `</${name}>`];
  const start = page.indexOf(open);
  const end = start === -1 ? -1 : page.indexOf(close, start);
  if (end === -1) return { rest: page, content: undefined };
  return { rest: page.slice(0, start) + page.slice(end + close.length), content: page.slice(start + open.length, end) };
}

function tagProblem(page: string, at: number): string | undefined {
  TAG.lastIndex = at;
  const [, , element = '', attributes = ''] = TAG.exec(page) ?? [];
  if (!ELEMENTS.has(element)) return `it holds ${JSON.stringify(page.slice(at, at + 30))}, which is no part of Kumpas's pages`;
  for (const [, attribute = '', value = ''] of attributes.matchAll(ATTRIBUTE)) {
    const allowed = ATTRIBUTES.get(attribute);
    const fits = allowed instanceof RegExp ? allowed.test(value) : allowed?.(value) === true;
    if (!fits) return `its <${element}> has ${JSON.stringify(`${attribute}="${value.slice(0, 60)}"`)}, which is no part of Kumpas's pages`;
  }
  return undefined;
}
