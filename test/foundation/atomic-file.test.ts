import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { writeFileAtomically, writeTextAtomically } from '../../src/foundation/atomic-file';
import { inTemporaryFolder } from '../support/clip-files';

describe('writeFileAtomically', () => {
  it('writes what is appended, in folders that it makes', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'deep', 'er', 'file.bin');
      writeFileAtomically(file, (append) => {
        append(Uint8Array.of(1, 2));
        append('three');
      });
      expect(readFileSync(file, 'latin1')).toBe('\u0001\u0002three');
    });
  });

  it('leaves the old file, and nothing else, where writing fails', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'file.txt');
      writeTextAtomically(file, 'old');
      expect(() => {
        writeFileAtomically(file, (append) => {
          append('half of the n');
          throw new Error('power cut');
        });
      }).toThrow('power cut');
      expect(readFileSync(file, 'utf8')).toBe('old');
      expect(readdirSync(folder)).toEqual(['file.txt']);
    });
  });
});
