// @ts-check
const { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { SetUpProblem } = require('./set-up-problem');

const REMEMBERED_FOR_MS = 60 * 60 * 1000;

/**
 * Keeps a costly failure for an hour, so that not every command waits for the same download or build to fail again.
 * @param {string} cache
 * @param {string} key what failed
 * @param {SetUpProblem} problem
 * @param {number} now milliseconds since 1970
 */
function rememberFailure(cache, key, problem, now) {
  const file = failureFile(cache, key);
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ at: now, reason: problem.reason, remedy: problem.remedy }));
  } catch {
    // A cache that cannot be written remembers nothing: the problem itself is told.
  }
}

/**
 * The failure remembered for a key, or undefined where there is none of the last hour.
 * @param {string} cache
 * @param {string} key
 * @param {number} now milliseconds since 1970
 * @returns {SetUpProblem | undefined}
 */
function rememberedFailure(cache, key, now) {
  try {
    const { at, reason, remedy } = JSON.parse(readFileSync(failureFile(cache, key), 'utf8'));
    const age = now - at;
    if (typeof reason !== 'string' || typeof remedy !== 'string' || !(age >= 0 && age < REMEMBERED_FOR_MS)) return undefined;
    return new SetUpProblem(reason, remedy);
  } catch {
    return undefined;
  }
}

/** @param {string} cache @param {string} key */
function forgetFailure(cache, key) {
  if (existsSync(failureFile(cache, key))) rmSync(failureFile(cache, key), { force: true });
}

/** @param {string} cache @param {string} key */
function failureFile(cache, key) {
  return path.join(cache, 'failures', `${key}.json`);
}

module.exports = { rememberFailure, rememberedFailure, forgetFailure };
