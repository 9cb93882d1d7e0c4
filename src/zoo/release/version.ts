import semver from 'semver';
import { UserError } from '../../foundation/errors';
import { printableLine } from '../../foundation/text';

/** Which number of a version rises. */
export const BUMPS = ['major', 'minor', 'patch'] as const;
export type Bump = (typeof BUMPS)[number];

/** @throws UserError where it is none of them. */
export function bumpOf(text: string): Bump {
  const bump = BUMPS.find((candidate) => candidate === text);
  if (bump !== undefined) return bump;
  throw new UserError(`--bump: expected ${BUMPS.join(', ')}, found ${shown(text)}`);
}

/**
 * A version as `1.2.0`, however it was typed: with a `v` before it or without.
 * @throws UserError where it is no version, which is also to say: nothing that could stand for a path.
 */
export function parseVersion(text: string): string {
  const version = isVersion(text.replace(/^v/, '')) ? text.replace(/^v/, '') : undefined;
  if (version !== undefined) return version;
  throw new UserError(`expected a version of three numbers, as v1.2.0, found ${shown(text)}`);
}

/** Whether a text is a version of three numbers and nothing else. */
export function isVersion(text: string): boolean {
  return /^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(text) && semver.valid(text) === text;
}

/** The version after another; from none at all 1.0.0, 0.1.0 or 0.0.1. */
export function nextVersion(previous: string | undefined, bump: Bump): string {
  const next = semver.inc(previous ?? '0.0.0', bump);
  if (next === null) throw new UserError(`${shown(previous ?? '')}: it is no version that another could come after`);
  return next;
}

/** Negative where the first is the older. */
export function compareVersions(one: string, other: string): number {
  return semver.compare(one, other);
}

function shown(text: string): string {
  return JSON.stringify(printableLine(text).slice(0, 64));
}
