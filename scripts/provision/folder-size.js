// @ts-check
const { lstatSync, readdirSync } = require('node:fs');
const path = require('node:path');

/**
 * The bytes of all files in a folder; what cannot be read (or vanishes meanwhile) counts nothing, links are not followed.
 * @param {string} folder
 * @returns {number}
 */
function sizeOf(folder) {
  try {
    const status = lstatSync(folder);
    if (!status.isDirectory()) return status.isFile() ? status.size : 0;
    return readdirSync(folder).reduce((total, name) => total + sizeOf(path.join(folder, name)), 0);
  } catch {
    return 0;
  }
}

module.exports = { sizeOf };
