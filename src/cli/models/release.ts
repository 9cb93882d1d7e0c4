import { bumpOf, BUMPS } from '../../zoo/release/release-record';
import { labelledDataOf, optionalText, requiredText, requiredTexts, commonFlags, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { onlyName, rootOf } from './registry-flags';
import { dtypeOf, productionFlags } from './release-flags';

const command = 'npm run models -- release';

const flags = {
  bump: {
    string: true,
    group: 'Release:',
    description:
      'major where whoever uses it must change too (another architecture, other classes), minor for a better model, patch for a mended one.',
  },
  notes: { string: true, array: true, group: 'Release:', description: 'What changed and why, for the changelog: a text a bullet.' },
  'allow-regression': { type: 'boolean', group: 'Release:', description: 'Release it though it is less accurate than the release before.' },
  follows: { string: true, group: 'Release:', description: 'The model whose releases a new folder’s go on from.' },
  tag: {
    type: 'boolean',
    group: 'Release:',
    description: 'Make an annotated git tag, as transformer_baseline/v1.1.0, at the commit that is checked out.',
  },
  dtype: {
    string: true,
    group: 'Release:',
    description: 'float32 or float16.',
    defaultDescription: 'that of the promoted checkpoint, else float32',
  },
  ...productionFlags,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models release`. */
export const releaseCommand: Command = plainCommand(
  {
    command,
    takes: 'NAME',
    summary:
      'Releases a model: the next version, its production checkpoint and evaluation under releases/, an entry in its CHANGELOG.md. It is set against the release before on the same clips.',
    flags,
    examples: [
      [`${command} transformer_baseline_09-20 --bump major --notes "The first that others use"`, 'v1.0.0'],
      [
        `${command} transformer_cls_09-25 --follows transformer_baseline_09-20 --bump major --notes "Class token"`,
        'v2.0.0, of a new folder',
      ],
      [`${command} transformer_baseline_09-20 --bump minor --notes "40 epochs more" --tag`, 'v1.1.0, with a git tag'],
    ],
  },
  async (typed, terminal, positionals) => {
    const request = {
      root: rootOf(typed),
      name: onlyName(positionals, command),
      bump: bumpOf(requiredText(typed, 'bump', BUMPS.join(', '))),
      notes: requiredTexts(typed, 'notes', 'what changed, as --notes "fewer confusions among numbers"'),
      allowRegression: typed['allow-regression'] === true,
      follows: optionalText(typed, 'follows'),
      tag: typed['tag'] === true,
      dtype: dtypeOf(typed),
      data: labelledDataOf(typed),
      json: typed['json'] === true,
      verbose: typed['verbose'] === true,
    };
    const { runRelease } = await import('./run-release.js'); // With TensorFlow: only when it is needed.
    return await runRelease(request, terminal);
  },
);
