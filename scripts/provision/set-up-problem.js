// @ts-check

/** Why something could not be prepared, and what the user does about it. */
class SetUpProblem extends Error {
  /**
   * @param {string} reason what is missing or went wrong, as a sentence without its full stop
   * @param {string} remedy what to do, as a sentence without its full stop
   * @param {{ costly?: boolean, unsafe?: boolean }} [options]
   *   costly: finding it out took long (a download, a build), so it is not tried again at once; unsafe: what is there must not be loaded
   */
  constructor(reason, remedy, options = {}) {
    super(`${reason}. ${remedy}.`);
    this.name = 'SetUpProblem';
    this.reason = reason;
    this.remedy = remedy;
    this.costly = options.costly ?? false;
    this.unsafe = options.unsafe ?? false;
  }
}

module.exports = { SetUpProblem };
