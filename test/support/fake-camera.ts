import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * What makes Chromium show a portrait where it would show a camera, and draw by WebGL where there is no graphics processor.
 * @param folder where the pictures may lie.
 */
export function cameraFlags(folder: string): string[] {
  const pictures = path.join(folder, 'camera.mjpeg');
  const portrait = readFileSync(path.resolve(__dirname, '../fixtures/videos/portrait.jpg'));
  writeFileSync(pictures, Buffer.concat([portrait, portrait]));
  return [
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    `--use-file-for-fake-video-capture=${pictures}`,
    '--use-gl=angle',
    '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader',
  ];
}
