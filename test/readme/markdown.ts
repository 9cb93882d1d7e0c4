/** What a page of Markdown claims that can be checked. */
export interface MarkdownPage {
  /** Targets of links and pictures, as written. */
  readonly links: readonly string[];
  /** Anchors of its headings, as GitHub makes them. */
  readonly anchors: readonly string[];
  /** Commands in shell blocks and in code within sentences, a line each; continued lines are joined and comments cut. */
  readonly commands: readonly string[];
  /** Code within sentences and tables. */
  readonly inlineCode: readonly string[];
}

const FENCED_BLOCK = /^ *```(\w*)\n([^]*?)^ *```$/gm;
const INLINE_CODE = /`([^`\n]+)`/g;
const LINK = /\]\(([^)\s]+)\)/g;
const HEADING = /^#+ (.+)$/gm;

/** Takes a page apart, in as much of Markdown as this repository's pages use. */
export function readMarkdown(text: string): MarkdownPage {
  const prose = text.replaceAll(FENCED_BLOCK, '');
  const shellBlocks = groups(text, FENCED_BLOCK).flatMap(([language, block = '']) => (language === 'sh' ? [block] : []));
  const inlineCode = groups(prose, INLINE_CODE).flat();
  return {
    links: groups(prose, LINK).flat(),
    anchors: groups(prose, HEADING).map(([heading = '']) => anchorOf(heading)),
    commands: [...shellBlocks.flatMap(commandLines), ...inlineCode.filter((code) => code.startsWith('npm '))],
    inlineCode,
  };
}

function commandLines(block: string): string[] {
  return block
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '');
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function groups(text: string, pattern: RegExp): string[][] {
  return [...text.matchAll(pattern)].map((match) => match.slice(1));
}
