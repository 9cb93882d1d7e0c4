import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { readRegularText } from '../../src/foundation/regular-file';

const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-regular-file-'));
const place = (name: string): string => path.join(folder, name);

it('reads a file, without its byte order mark', () => {
  writeFileSync(place('text'), '\uFEFFniño\n');
  expect(readRegularText(place('text'), 100)).toBe('niño\n');
});

it('refuses a file that is larger than it may be, and one that is not there', () => {
  writeFileSync(place('large'), 'x'.repeat(101));
  expect(() => readRegularText(place('large'), 100)).toThrow(`${place('large')}: 101 bytes, at most 100 are read; is it the right file?`);
  expect(() => readRegularText(place('missing'), 100)).toThrow(`${place('missing')}: no such file`);
});

it('refuses a named pipe at once, a device and a folder', () => {
  execFileSync('mkfifo', [place('pipe')]);
  expect(() => readRegularText(place('pipe'), 100)).toThrow('expected a file, found a named pipe');
  expect(() => readRegularText('/dev/zero', 100)).toThrow('expected a file, found a device');
  expect(() => readRegularText(folder, 100)).toThrow('expected a file, found a folder');
});
