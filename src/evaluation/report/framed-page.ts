import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { html, Markup } from './markup';

/** Wider pictures are shown smaller until they are clicked. */
const WIDTH_OF_THE_PAGE = 1140;

/** A whole page: one HTML file that holds all it needs and asks nothing of the network. It follows the reader's choice of light or dark. */
export function framedPage(title: string, body: Markup): string {
  const asset = (file: string): string => readFileSync(path.join(__dirname, file), 'utf8');
  const [style, script] = [asset('style.css'), asset('interaction.js')];
  const scriptHash = createHash('sha256').update(script).digest('base64');
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${scriptHash}'`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <title>${title}</title>
        ${element('style', style)}
      </head>
      <body>
        <main>${body}</main>
        ${element('script', script)}
      </body>
    </html> `;
  return page.text;
}

/** Its text to the letter: the page's policy allows the one script of this very hash. */
function element(name: 'script' | 'style', text: string): Markup {
  return new Markup(`<${name}>${text}</${name}>`);
}

/** A PNG as an address within the page. */
export function addressOf(png: Buffer): string {
  return `data:image/png;base64,${png.toString('base64')}`;
}

/** A picture that was drawn for a light page and for a dark one, with its caption; nothing where it could not be drawn. */
export function themedFigure(light: Buffer | undefined, dark: Buffer | undefined, caption: string): Markup | undefined {
  if (light === undefined || dark === undefined) return undefined;
  const width = Math.round(light.readUInt32BE(16) / 2); // The PNG's header: two of its pixels are one of the page's.
  const picture = html`<picture
    ><source media="(prefers-color-scheme: dark)" srcset="${addressOf(dark)}" />
    <img src="${addressOf(light)}" width="${width}" alt="${caption}"
  /></picture>`;
  // Any picture is wider than some screens: there a click shows it in full.
  const hint = html`<span class="${width > WIDTH_OF_THE_PAGE ? 'always' : 'narrow'}">; a click shows it in full</span>`;
  return html`<figure>
    <button type="button" class="zoom" title="In full, or as wide as the page">${picture}</button>
    <figcaption>${caption}${hint}.</figcaption>
  </figure>`;
}
