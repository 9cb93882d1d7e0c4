import { describe, expect, it } from '@jest/globals';
import { describeFailure } from '../../src/cli/exit';
import { UserError } from '../../src/foundation/errors';

describe('describeFailure', () => {
  const mistake = new UserError('clips.csv: no such file', { cause: new Error('ENOENT') });

  it("shows a user's mistake as its message alone", () => {
    expect(describeFailure(mistake, false)).toEqual({ text: 'clips.csv: no such file', exitCode: 1 });
  });

  it('adds the stack and the cause where asked', () => {
    expect(describeFailure(mistake, true).text).toMatch(/^UserError: clips\.csv: no such file\n +at [^]*Caused by: Error: ENOENT\n +at /);
  });

  it('keeps the stack of a bug, and tells it from a mistake by its exit code', () => {
    const failure = describeFailure(new TypeError('x is undefined'), false);
    expect(failure.text).toMatch(/This is a bug in Kumpas[^]*TypeError: x is undefined\n +at /);
    expect(failure.exitCode).toBe(70);
    expect(describeFailure('thrown text', false).text).toContain('thrown text');
  });

  it('a full disk is told in one line, not as a bug', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
    expect(describeFailure(full, false)).toEqual({
      text: 'ENOSPC: no space left on device, write; everything saved before is intact',
      exitCode: 1,
    });
    const missing = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT', syscall: 'open' });
    expect(describeFailure(missing, false).text).toMatch(/^This is a bug/);
  });
});
