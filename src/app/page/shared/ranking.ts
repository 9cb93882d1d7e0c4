import { isSameSign } from '../../../evaluation/same-sign';
import type { RankedClass } from './api';
import { element, percent } from './elements';

/** The likeliest classes with bars, most likely first; the one that the file names is marked. */
export function ranking(title: string, classes: readonly RankedClass[], truth: string | undefined): HTMLElement {
  const rows = classes.map(({ label, probability }) => {
    const isTrue = truth !== undefined && isSameSign(label, truth);
    return element(
      'li',
      isTrue ? { class: 'true' } : {},
      element('span', { class: 'label' }, label, ...(isTrue ? [element('span', { class: 'tick' }, ' ✓ as the file says')] : [])),
      element('span', { class: 'share' }, percent(probability)),
      element('meter', { min: 0, max: 1, value: probability.toFixed(4), 'aria-hidden': 'true' }),
    );
  });
  return element('div', { class: 'ranking' }, element('h3', {}, title), element('ol', {}, ...rows));
}
