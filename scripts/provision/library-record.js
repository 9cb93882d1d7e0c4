// @ts-check
const { existsSync, readdirSync, readFileSync, statSync } = require('node:fs');
const path = require('node:path');
const { checksumOf } = require('./checksum');

/** What is loaded of a library's folder; everything else in it is read while the binding is compiled. */
const LOADED = /^(tensorflow\/libtensorflow|nvidia\/[^/]+\/lib\/)/;

/**
 * The files of a library that are loaded, with the sha256 (base64url) and the size that their wheels' RECORD gives them.
 * @param {string} library its folder in the cache
 * @returns {{ path: string, sha256: string, bytes: number }[]}
 */
function recordedFiles(library) {
  const records = existsSync(library) ? readdirSync(library).filter((name) => name.endsWith('.dist-info')) : [];
  return records.flatMap((name) => {
    const record = path.join(library, name, 'RECORD');
    if (!existsSync(record)) return [];
    return [...readFileSync(record, 'utf8').matchAll(/^([^",\r\n]+),sha256=([\w-]{43}),(\d+)\r?$/gm)]
      .filter(([, inner = '']) => LOADED.test(inner))
      .map(([, inner = '', sha256 = '', bytes]) => ({ path: inner, sha256, bytes: Number(bytes) }));
  });
}

/**
 * What of a library is not as its wheels brought it, a file a line.
 * @param {string} library its folder in the cache
 * @returns {Promise<string[]>}
 */
async function damagedFiles(library) {
  const damaged = [];
  for (const { path: inner, sha256, bytes } of recordedFiles(library)) {
    const file = path.join(library, inner);
    if (!existsSync(file)) damaged.push(`${file} is missing`);
    else if (statSync(file).size !== bytes) damaged.push(`${file} has ${statSync(file).size} bytes, expected ${bytes}`);
    else if ((await checksumOf(file, 'base64url')) !== sha256) damaged.push(`${file} is damaged: its sha256 is another`);
  }
  return damaged;
}

module.exports = { recordedFiles, damagedFiles };
