import { element } from '../shared/elements';

/** A command line, to copy. */
export function commandBox(command: string): HTMLElement {
  const code = element('code', { tabindex: 0 }, command);
  const box = element('div', { class: 'command' }, code);
  const clipboard = (navigator as Partial<Navigator>).clipboard; // Absent where the page comes over a network unencrypted.
  if (clipboard === undefined) return box;
  const copy = element('button', { type: 'button' }, 'Copy');
  copy.addEventListener('click', () => {
    void clipboard.writeText(command).then(() => {
      copy.textContent = 'Copied';
    });
  });
  box.append(copy);
  return box;
}
