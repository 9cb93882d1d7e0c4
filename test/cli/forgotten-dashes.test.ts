import { describe, expect, it } from '@jest/globals';
import { refuseForgottenDashes } from '../../src/cli/forgotten-dashes';

const flags = {
  data: { string: true },
  epochs: { type: 'number', alias: ['num-epochs'] },
  amp: { type: 'boolean', choices: ['force'] },
  json: { boolean: true },
} as const;

function refusal(environment: Record<string, string>, positionals: string[] = [], command = 'npm run train --'): string | undefined {
  try {
    refuseForgottenDashes(command, flags, positionals, { npm_lifecycle_event: 'train', ...environment });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('flags that npm kept for itself', () => {
  it.each([
    [{ npm_config_data: 'my clips', npm_config_epochs: '2' }, [], "npm run train -- --data 'my clips' --epochs 2"],
    [{ npm_config_num_epochs: '2' }, [], 'npm run train -- --num-epochs 2'],
    [{ npm_config_data: 'true' }, ['clips'], 'npm run train -- --data clips'],
    [{ npm_config_data: 'true', npm_config_epochs: 'true' }, ['clips', '2'], 'npm run train -- --data … --epochs …'],
    [{ npm_config_amp: '' }, [], 'npm run train -- --no-amp'],
    [{ npm_config_amp: 'force' }, [], 'npm run train -- --amp force'],
    [{ npm_config_amp: 'true', npm_config_json: 'true' }, [], 'npm run train -- --amp --json'],
  ])('are refused with the command as it must be typed: %j', (environment, positionals, typed) => {
    expect(refusal(environment, positionals)).toMatch(
      new RegExp(`^npm kept --.*; type: ${typed.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`),
    );
  });

  it('keep the name of an action', () => {
    const command = 'npm run models -- list';
    expect(refusal({ npm_lifecycle_event: 'models', npm_config_json: 'true' }, [], command)).toContain(
      'type: npm run models -- list --json',
    );
  });

  it('are not looked for where another script runs, nor taken for flags where npm sets them for itself', () => {
    expect(refusal({ npm_config_data: 'clips', npm_lifecycle_event: 'test' })).toBeUndefined();
    expect(refusal({ npm_config_yes: '', npm_config_cache: '/cache', npm_config_loglevel: 'silent' })).toBeUndefined();
  });
});
