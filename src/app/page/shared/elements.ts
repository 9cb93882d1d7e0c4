/** What an element is made with: attributes by their names; true for one without a value, false for one that is left out. */
type Attributes = Readonly<Record<string, string | number | boolean>>;

/** An element with attributes and children; texts are texts, never markup. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false) continue;
    made.setAttribute(key, value === true ? '' : String(value));
  }
  made.append(...children);
  return made;
}

/** The element of the page with that id. @throws Error where there is none of that kind. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`missing: the element #${id}`);
  return found;
}

/** A share as `84.6 %`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
