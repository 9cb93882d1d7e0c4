import { checkOptions, type Options, type OptionsInput } from '../../config/layers';
import { option, setting, text, texts, wholeNumber } from '../../config/setting';
import { precisionOption } from '../../evaluation/options';
import { UserError } from '../../foundation/errors';

const group = 'App';
/** The shortest token that may be chosen: it is all that keeps others out. */
const LEAST_TOKEN = 16;

/** The options of {@link startApp}, each a flag of the command `app`. */
export const appOptions = {
  models: option(
    texts('model folders or .pt files'),
    { group, description: 'Model folders or .pt files to serve; typed, also names of trained_models.' },
    'all models of the registry',
  ),
  root: setting(text('the path of a folder'), 'trained_models', {
    group,
    description: 'The registry: the folder that holds the model folders.',
    aliases: ['save_dir'],
  }),
  ...precisionOption,
  port: setting(wholeNumber(0, 65_535), 4321, { group, description: 'Where it listens; 0 takes a port that is free.' }),
  host: setting(text('an address of this machine'), '127.0.0.1', {
    group,
    description: 'The address it listens on. Any but this machine’s own demands a token of whoever comes.',
  }),
  token: option(
    text(`a token of at least ${LEAST_TOKEN} letters and digits`),
    { group, description: 'What visitors must know: sent as "Authorization: Bearer TOKEN", or once in the address.' },
    'none on 127.0.0.1, else one that is made and printed',
  ),
  data: option(
    texts('data folders'),
    {
      group,
      description: 'Data folders that trainings may be started with, beside the demo set and those that models here were trained on.',
    },
    'no others',
  ),
  trainings: setting(wholeNumber(0, 64), 1, {
    group,
    description: 'Trainings that may run at once: another one is not started before one has ended. 0 starts none.',
  }),
} as const;

/** What {@link startApp} is asked for. */
export type AppOptions = OptionsInput<typeof appOptions>;

/** The same, checked and complete. */
export type CheckedAppOptions = Options<typeof appOptions>;

/** @throws UserError with everything that is wrong with them. */
export function checkedAppOptions(values: AppOptions): CheckedAppOptions {
  const checked = checkOptions(appOptions, { source: 'startApp()', values });
  const { token } = checked;
  if (token !== undefined && !new RegExp(`^[A-Za-z0-9_-]{${LEAST_TOKEN},200}$`).test(token))
    throw new UserError(`--token: expected at least ${LEAST_TOKEN} letters, digits, - or _, found ${token.length} characters`);
  return checked;
}

const MEBIBYTE = 1024 * 1024;

/** What a visitor may ask for at once. */
export const LIMITS = {
  /** Bytes of one request, whatever is in it. */
  requestBytes: 64 * MEBIBYTE,
  /** Bytes of all requests that are being read or answered. */
  bytesInFlight: 256 * MEBIBYTE,
  /** Bytes of one file. */
  fileBytes: 16 * MEBIBYTE,
  /** Files in one request. */
  files: 256,
  /** Time in which a request must have come whole. */
  requestMilliseconds: 60_000,
  /** Time that requests in flight have to end when the app is closed. */
  closingMilliseconds: 10_000,
} as const;
