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

/** An element of an SVG. */
export function vector<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes,
  ...children: readonly Node[]
): SVGElementTagNameMap[Name] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** A colour of the style sheet, `--quiet` say, as a canvas takes it: `light-dark()` is resolved where it is used as a colour. */
export function colourOf(within: HTMLElement, variable: string): string {
  const probe = element('span', { hidden: true });
  probe.style.color = `var(${variable})`;
  within.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
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
