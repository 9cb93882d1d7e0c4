// @ts-check
const { statSync } = require('node:fs');
const path = require('node:path');

const WRITABLE_BY_ALL = 0o002;

/**
 * Why what lies at some places may not be loaded, or undefined: others than the user could have put it there or could change it. Whoever owns the project is
 * trusted as its code is, and so is the system's administrator.
 * @param {readonly string[]} places those that are not there are left out
 * @param {{ user: number | undefined, project: string }} surroundings user: undefined where the system has none, as Windows
 * @returns {string | undefined}
 */
function whyUnsafe(places, { user, project }) {
  if (user === undefined) return undefined;
  const trusted = new Set([0, user, statusOf(path.join(project, 'package.json'))?.uid]);
  return places
    .map((place) => {
      const status = statusOf(place);
      if (status === undefined) return undefined;
      if (!trusted.has(status.uid)) return `${place} belongs to another user (${status.uid}), who could change what is loaded from there`;
      return (status.mode & WRITABLE_BY_ALL) === 0
        ? undefined
        : `${place} can be written by every user, who could change what is loaded from there`;
    })
    .find((reason) => reason !== undefined);
}

/** @param {string} place */
function statusOf(place) {
  return statSync(place, { throwIfNoEntry: false });
}

module.exports = { whyUnsafe };
