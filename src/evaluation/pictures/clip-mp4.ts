import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createCanvas } from '@napi-rs/canvas';
import { UserError } from '../../foundation/errors';
import { unfinishedNameOf } from '../../foundation/file-system-problem';
import { makeFolders } from '../../foundation/folders';
import type { ShownClip } from '../shown-clip';
import { animationPlan, ClipPainter } from './clip-film';

/** Of an MP4, whose frames are all equally long: so fine that clips of any rate keep their own. */
const FRAMES_PER_SECOND = 50;
/** The end of what ffmpeg says of a failure that is told. */
const SAID = 300;

/**
 * Writes a clip as an MP4 (H.264), with the ffmpeg that is installed: the file is there whole or not at all.
 * @throws UserError where there is no ffmpeg, or it cannot encode H.264.
 */
export async function writeClipMp4(file: string, clip: ShownClip, height: number, speed: number): Promise<void> {
  const painter = new ClipPainter(clip, height);
  const { width, height: whole } = painter.size;
  makeFolders(path.dirname(path.resolve(file)));
  const unfinished = unfinishedNameOf(file);
  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgba', '-s', `${width}x${whole}`, '-r', String(FRAMES_PER_SECOND), '-i', 'pipe:0'];
  const output = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-movflags', '+faststart', '-f', 'mp4', '-y', unfinished];
  const encoder = spawn('ffmpeg', ['-loglevel', 'error', ...input, ...output], { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  encoder.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-SAID)));
  encoder.stdin.on('error', () => undefined); // It ended before its input did: its exit code and its words say why.
  const ended = once(encoder, 'close') as Promise<[number | null]>;
  ended.catch(() => undefined);
  try {
    const canvas = createCanvas(width, whole);
    for (const frame of framesShown(clip, speed)) {
      painter.paint(canvas, frame);
      const { data } = canvas.getContext('2d').getImageData(0, 0, width, whole);
      if (encoder.stdin.writable && !encoder.stdin.write(new Uint8Array(data)))
        await Promise.race([once(encoder.stdin, 'drain').catch(() => undefined), ended]);
    }
    encoder.stdin.end();
    const [code] = await ended;
    if (code !== 0)
      throw new UserError(`${file}: ffmpeg could not encode it (${said.trim() || `exit code ${code}`}); write a .gif in its place`);
    renameSync(unfinished, file);
  } catch (error) {
    encoder.kill();
    throw (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? new UserError(
          `${file}: an MP4 is encoded by ffmpeg, which is not installed; install it, or write ${file.replace(/mp4$/i, 'gif')}`,
          { cause: error },
        )
      : error;
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** Of every frame of the MP4 which one of the clip it shows: each for as many as it takes. */
function* framesShown({ timestampsMs }: ShownClip, speed: number): Generator<number> {
  let shown = 0;
  let until = 0;
  for (const { frame, delay } of animationPlan(timestampsMs, speed)) {
    until += (delay * FRAMES_PER_SECOND) / 100;
    for (; shown < Math.round(until); shown++) yield frame;
  }
}
