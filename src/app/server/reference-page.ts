import type { OpenAPIHono } from '@hono/zod-openapi';
import { html, type Markup } from '../../evaluation/report/markup';

type Document = ReturnType<OpenAPIHono['getOpenAPI31Document']>;
type Operation = NonNullable<NonNullable<Document['paths']>[string]['get']>;

/** The API's description as a page that needs nothing but the app's own style sheet. */
export function referencePage({ info, paths = {} }: Document): string {
  const sections = Object.entries(paths).flatMap(([path, { get, post }]) => [
    ...(get === undefined ? [] : [operationSection('GET', path, get)]),
    ...(post === undefined ? [] : [operationSection('POST', path, post)]),
  ]);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>API · Kumpas</title>
        <link rel="icon" href="/assets/icon.svg" />
        <link rel="stylesheet" href="/assets/reference.css" />
      </head>
      <body>
        <header>
          <h1>Kumpas ${info.version}: API</h1>
          <p>
            Answers are JSON; what is refused is <code>{"error": "one line"}</code>. <a href="/api/openapi.json">openapi.json</a> describes
            all of it for programs, <a href="/">the app</a> is for people.
          </p>
        </header>
        <main>${sections}</main>
      </body>
    </html> `.text;
}

function operationSection(method: string, path: string, { summary, parameters = [], requestBody, responses = {} }: Operation): Markup {
  const asked = parameters.flatMap((parameter): Row[] => {
    if (!('name' in parameter)) return [];
    const { description } = (parameter.schema ?? {}) as { readonly description?: string };
    return [[parameter.name, parameter.description ?? description ?? '']];
  });
  const bodies = requestBody !== undefined && 'content' in requestBody ? Object.keys(requestBody.content) : [];
  const answered = Object.entries<{ readonly description?: string }>(responses);
  return html`<section>
    <h2><span class="method">${method}</span> <code>${path}</code></h2>
    <p>${summary}</p>
    ${asked.length === 0 ? undefined : table('Query', asked)}
    ${bodies.length === 0 ? undefined : html`<p>Body: ${bodies.map((type) => html`<code>${type}</code> `)}</p>`}
    ${table(
      'Answers',
      answered.map(([status, { description = '' }]): Row => [status, description]),
    )}
    <pre tabindex="0"><code>${exampleOf(method, path, bodies)}</code></pre>
  </section>`;
}

type Row = readonly [name: string, description: string];

function table(caption: string, rows: readonly Row[]): Markup {
  return html`<table>
    <caption>
      ${caption}
    </caption>
    <tbody>
      ${rows.map(
        ([name, description]) =>
          html`<tr>
            <th scope="row"><code>${name}</code></th>
            <td>${description}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** What to type into a shell. */
function exampleOf(method: string, path: string, bodies: readonly string[]): string {
  const sent = method === 'GET' ? '' : bodies.includes('multipart/form-data') ? '-F file=@clip.npz ' : `--json '{}' `;
  return `curl ${sent}http://127.0.0.1:4321${path}`;
}
