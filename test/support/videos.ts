import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../../src/engine/provision/locations';
import { ISOLATED, type VideoEnvironment } from '../../src/engine/provision/video-environment';
import { required } from '../../src/foundation/required';

const root = path.resolve(__dirname, '../..');

const PREPARE = `
const { prepareVideoEnvironment } = require('./src/engine/provision/video-environment');
const report = { line: (text) => console.error(text), progress: () => undefined };
prepareVideoEnvironment({ cache: process.argv[1], thorough: false, report }).then(
  (environment) => console.log(JSON.stringify(environment)),
  (problem) => { console.error(problem.message); process.exitCode = 1; },
);`;

/**
 * MediaPipe, prepared as a user's first use prepares it; undefined where that cannot be done, and then it is said why. Jest must know it before it collects tests,
 * so that it is waited for.
 */
export function preparedMediaPipe(): VideoEnvironment | undefined {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', PREPARE, cacheFolder()], { cwd: root, encoding: 'utf8' });
  if (status === 0) return JSON.parse(stdout) as VideoEnvironment;
  console.warn(`The tests of videos are skipped: ${stderr.trim()}`);
  return undefined;
}

/** A video that pans and zooms over a portrait. */
export interface PannedVideo {
  readonly file: string;
  readonly frames: number;
  readonly rate?: number;
  readonly zoom?: number;
  /** Nobody is in it. */
  readonly nobody?: boolean;
  /** Nobody is in these frames of it. */
  readonly hidden?: readonly number[];
  /** Its pictures are turned by a quarter. */
  readonly lying?: boolean;
}

/** Writes videos of 320 × 240 pixels with the environment's own OpenCV. */
export function makeVideos(environment: VideoEnvironment, videos: readonly PannedVideo[]): void {
  const asked = videos.map((video) => ({ rate: 30, ...video }));
  runIn(environment, 'make_videos.py', [], JSON.stringify(asked));
}

/** What MediaPipe finds in a video where it is called by hand. */
export function keypointsByHand(environment: VideoEnvironment, video: string): { readonly X: number[][]; readonly mask: number[][] } {
  return JSON.parse(runIn(environment, 'by_hand.py', [video])) as { X: number[][]; mask: number[][] };
}

function runIn({ python, folder }: VideoEnvironment, program: string, words: readonly string[], input = ''): string {
  const script = path.join(root, 'test/fixtures/videos', program);
  const { status, stdout, stderr } = spawnSync(python, [...ISOLATED, script, folder, ...words], {
    encoding: 'utf8',
    input,
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`${program} ended with ${status}:\n${stderr}`);
  return stdout;
}

/** The bytes of an mp4 whose frames are to be turned by a quarter before they are shown: the matrix in its track's header says so. */
export function turnedUpright(file: string): Buffer {
  const bytes = readFileSync(file);
  const matrix = boxOf(bytes, ['moov', 'trak', 'tkhd']).content + 40;
  const one = 0x10000;
  [0, one, 0, -one, 0, 0, 240 * one, 0, 0x40000000].forEach((number, place) => bytes.writeInt32BE(number, matrix + 4 * place));
  return bytes;
}

/**
 * The bytes of an mp4 whose frames are shown for other times than it was written with.
 * @param runs how many frames are shown how many times as long, in their order.
 */
export function withDurations(file: string, runs: readonly (readonly [frames: number, times: number])[]): Buffer {
  const bytes = readFileSync(file);
  const names = ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stts'];
  const table = boxOf(bytes, names);
  const delta = bytes.readUInt32BE(table.content + 12);
  // What lies beyond the edit list is not shown.
  const shown = boxOf(bytes, ['moov', 'trak', 'edts', 'elst']).content + 8;
  const written = bytes.readUInt32BE(table.content + 8);
  bytes.writeUInt32BE((bytes.readUInt32BE(shown) * runs.reduce((sum, [frames, times]) => sum + frames * times, 0)) / written, shown);
  const entries = Buffer.alloc(8 * (runs.length - 1));
  const grown = Buffer.concat([bytes.subarray(0, table.end), entries, bytes.subarray(table.end)]);
  for (let depth = 1; depth <= names.length; depth++) {
    const { start } = boxOf(bytes, names.slice(0, depth));
    grown.writeUInt32BE(bytes.readUInt32BE(start) + entries.length, start);
  }
  grown.writeUInt32BE(runs.length, table.content + 4);
  runs.forEach(([frames, times], run) => {
    grown.writeUInt32BE(frames, table.content + 8 + 8 * run);
    grown.writeUInt32BE(delta * times, table.content + 12 + 8 * run);
  });
  return grown;
}

interface Box {
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

/** A box of an mp4 (ISO 14496-12), by the names of those that it lies in. */
function boxOf(bytes: Buffer, names: readonly string[]): Box {
  let within: Box = { start: 0, content: 0, end: bytes.length };
  for (const name of names) {
    let found: Box | undefined;
    for (let at = within.content; at + 8 <= within.end && found === undefined; at += Math.max(8, bytes.readUInt32BE(at))) {
      const box = { start: at, content: at + 8, end: at + bytes.readUInt32BE(at) };
      if (bytes.toString('latin1', at + 4, at + 8) === name) found = box;
    }
    within = required(found, `the box ${name}`);
  }
  return within;
}
