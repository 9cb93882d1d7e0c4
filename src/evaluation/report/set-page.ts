import path from 'node:path';
import { byKind, subjectOf, type Finding, type FindingGroup } from '../../data/checks/findings';
import type { Validation } from '../../data/checks/validate';
import { counted } from '../../foundation/text';
import { addressOf, framedPage, themedFigure } from './framed-page';
import { html, tableMarkup, type Cell, type Markup } from './markup';

/** The pictures of a set's page. */
export interface SetPictures {
  readonly lengths: { readonly light: Buffer; readonly dark: Buffer } | undefined;
  readonly classes: { readonly light: Buffer; readonly dark: Buffer } | undefined;
  /** Strips of skeletons, by the clip's file. */
  readonly strips: ReadonlyMap<string, Buffer>;
}

/** Findings of a kind that are shown with a strip of the clip. */
export const STRIPS_OF_A_KIND = 6;
/** Findings of a kind that a page lists: a browser has to hold every line. */
const MOST_FINDINGS = 500;

/** The page of what was found in a set. */
export function setPage(validation: Validation, pictures: SetPictures | undefined, created: Date): string {
  const groups = byKind(validation.findings);
  return framedPage(
    `${path.basename(validation.data)}: what was found`,
    html`
      ${heading(validation, created)} ${cards(validation)} ${summary(groups)}
      ${groups.map((group) => kindSection(group, validation.data, pictures?.strips))}
      <h2 id="clips">Lengths and glosses</h2>
      <div class="beside">
        <div>${themedFigure(pictures?.lengths?.light, pictures?.lengths?.dark, 'How many clips have how many frames')}</div>
        <div>${themedFigure(pictures?.classes?.light, pictures?.classes?.dark, 'How many clips each gloss has')}</div>
      </div>
    `,
  );
}

function heading({ data, kind }: Validation, created: Date): Markup {
  const what = { set: 'A set', collection: 'A collection that is not split', clips: 'Clips without labels' }[kind];
  return html`<h1>${data}</h1>
    <p class="muted">${what}, checked ${created.toISOString().slice(0, 16).replace('T', ' ')} UTC</p>`;
}

function cards({ clips, frames, labels, counts, kind }: Validation): Markup {
  const card = (figure: number, title: string, more: string): Markup =>
    html`<div class="card"><b>${figure.toLocaleString('en')}</b>${title}<br /><span>${more}</span></div>`;
  const split = kind === 'set' ? `${clips.train} to train on, ${clips.validation} to validate` : `${clips.unusable} cannot be used`;
  return html`<div class="cards">
    ${card(counts.error, counts.error === 1 ? 'error' : 'errors', 'the training refuses them')}
    ${card(counts.warning, counts.warning === 1 ? 'warning' : 'warnings', 'not to be trusted')}
    ${card(clips.all, clips.all === 1 ? 'clip' : 'clips', split)}
    ${card(frames, 'frames', counted(labels.gloss.length, 'gloss', 'glosses'))}
  </div>`;
}

function summary(groups: readonly FindingGroup[]): Markup {
  if (groups.length === 0) return html`<p>Nothing was found.</p>`;
  const rows = groups.map(({ code, severity, title, findings }): Cell[] => [
    html`<a href="#${code}">${code}</a>`,
    severity === 'error' ? html`<span class="wrong">error</span>` : severity,
    { value: findings.length, text: String(findings.length) },
    title,
  ]);
  return html`<h2>What was found</h2>
    ${tableMarkup({ columns: ['kind', 'severity', { number: 'how many' }, 'what it is'], rows })}`;
}

function kindSection(
  { code, title, advice, findings }: FindingGroup,
  root: string,
  strips: ReadonlyMap<string, Buffer> = new Map(),
): Markup {
  const listed = findings.slice(0, MOST_FINDINGS);
  const withStrips = listed.some((finding) => strips.has(subjectOf(finding)));
  const rows = listed.map((finding): Cell[] => [
    placeText(finding, root),
    finding.text,
    ...(withStrips ? [stripCell(finding, strips)] : []),
  ]);
  const more =
    findings.length > listed.length ? html`<p class="muted">${listed.length} of ${findings.length}; --json has all.</p>` : undefined;
  return html`<h2 id="${code}">${code}: ${title}</h2>
    <p>${advice}.</p>
    ${more}
    ${tableMarkup({
      columns: ['file', 'what was found', ...(withStrips ? ['from its first frame to its last'] : [])],
      rows,
      long: listed.length > 20,
    })}`;
}

/** A file by its path from the set. */
function placeText({ files }: Finding, root: string): string {
  return files.map((file) => path.relative(root, file) || path.basename(root)).join(' and ');
}

function stripCell(finding: Finding, strips: ReadonlyMap<string, Buffer>): Cell {
  const png = strips.get(subjectOf(finding));
  return png === undefined
    ? ''
    : html`<img class="strip" src="${addressOf(png)}" width="320" alt="Skeletons of ${path.basename(subjectOf(finding))}" />`;
}
