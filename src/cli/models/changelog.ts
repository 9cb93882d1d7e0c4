import { printableLine } from '../../foundation/text';
import { changelogEntries, completedChangelog, readChangelog } from '../../zoo/release/changelog';
import { findModel } from '../../zoo/find-model';
import { readReleases } from '../../zoo/release/release-record';
import { commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { onlyName, registryFlags, rootOf } from './registry-flags';

const command = 'npm run models -- changelog';

const flags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models changelog`. */
export const changelogCommand: Command = plainCommand(
  {
    command,
    takes: 'NAME',
    summary: 'Prints what changed from release to release of a model, the newest first.',
    flags,
    examples: [
      [`${command} transformer_baseline_09-20`, 'its CHANGELOG.md'],
      [`${command} transformer_baseline_09-20 --json`, 'with all that release.json says of each'],
    ],
  },
  (typed, { output }, positionals) => {
    const { name, folder } = findModel(rootOf(typed), onlyName(positionals, command));
    const releases = readReleases(folder).map(({ record }) => record);
    const written = readChangelog(folder);
    const text = written === undefined && releases.length === 0 ? undefined : completedChangelog(written, name, releases);
    if (typed['json'] === true) {
      const entries = changelogEntries(text ?? '').map((entry) => ({
        ...entry,
        release: releases.find(({ version }) => version === entry.version) ?? null,
      }));
      output.write(`${JSON.stringify({ model: name, entries }, null, 2)}\n`);
      return 0;
    }
    const none = `${name} has no release yet; npm run models -- release ${name} --bump major --notes "…" makes the first\n`;
    output.write(text === undefined ? none : text.split('\n').map(printableLine).join('\n'));
    return 0;
  },
);
