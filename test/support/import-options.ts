import type { ImportOptions } from '../../src/conversion/read-import';

/** Options of an import into a folder, all else left to the command. */
export function importOptions(saveDir: string, more: Partial<ImportOptions> = {}): ImportOptions {
  return {
    model: undefined,
    shape: {},
    labels: undefined,
    description: 'legacy',
    saveDir,
    date: new Date(2026, 10, 24),
    versions: { kumpas: '0.0.0', node: '20' },
    ...more,
  };
}
