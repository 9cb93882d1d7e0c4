import { expect, test } from '@jest/globals';
import { elementAt, required } from '../../src/foundation/required';

test('what is there is given back, falsy or not', () => {
  expect(required(0, 'a number')).toBe(0);
  expect(required('', 'a text')).toBe('');
  expect(required(false, 'a switch')).toBe(false);
});

test.each([[undefined], [null]])('what is missing is named (%p)', (value) => {
  expect(() => required(value, 'the gradient of head.weight')).toThrow(new Error('missing: the gradient of head.weight'));
});

test('an element is given back from any array', () => {
  expect(elementAt(new Float32Array([0.5, 0]), 1)).toBe(0);
  expect(elementAt(['a', 'b'], 0)).toBe('a');
});

test.each([-1, 2, 0.5])('an element that the array lacks is named (%p)', (index) => {
  expect(() => elementAt([1, 2], index)).toThrow(new Error(`missing: element ${index} of 2`));
});
