import { createReadStream, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { RequestProblem } from './problem';

/** Where the page Live finds MediaPipe Holistic. */
const ADDRESS = '/mediapipe/';

const OTHER = 'application/octet-stream';

/** What of the package a browser asks for: its program, as WebAssembly, and the models for the pose of `modelComplexity` 1. */
const FILES: ReadonlyMap<string, string> = new Map([
  ['holistic.js', 'text/javascript; charset=utf-8'],
  ['holistic.binarypb', OTHER],
  ['holistic_solution_packed_assets.data', OTHER],
  ['holistic_solution_packed_assets_loader.js', 'text/javascript; charset=utf-8'],
  ['holistic_solution_simd_wasm_bin.js', 'text/javascript; charset=utf-8'],
  ['holistic_solution_simd_wasm_bin.wasm', 'application/wasm'],
  ['holistic_solution_wasm_bin.js', 'text/javascript; charset=utf-8'],
  ['holistic_solution_wasm_bin.wasm', 'application/wasm'],
  ['pose_landmark_full.tflite', OTHER],
]);

/** Adds the files of MediaPipe Holistic, streamed from its package: a browser keeps them until the package is another one. */
export function addHolisticFiles(app: OpenAPIHono): void {
  app.get(`${ADDRESS}:name`, (context) => {
    const name = context.req.param('name');
    const type = FILES.get(name);
    if (type === undefined) throw new RequestProblem(404, `there is no such file in ${ADDRESS}`);
    const file = path.join(packageFolder(), name);
    if (!existsSync(file)) throw new RequestProblem(404, `${name} of @mediapipe/holistic is missing; npm ci installs it`);
    const { size, mtimeMs } = statSync(file);
    const headers = { 'content-type': type, 'cache-control': 'no-cache', etag: `"${size}-${Math.round(mtimeMs)}"` };
    if (context.req.header('if-none-match') === headers.etag) return context.body(null, 304, headers);
    const content = Readable.toWeb(createReadStream(file)) as ReadableStream;
    return context.body(content, 200, { ...headers, 'content-length': String(size) });
  });
}

/** @throws RequestProblem where the package is not installed. */
function packageFolder(): string {
  try {
    return path.dirname(require.resolve('@mediapipe/holistic/package.json'));
  } catch {
    throw new RequestProblem(
      404,
      '@mediapipe/holistic, which finds key points in a camera’s pictures, is not installed; npm ci installs it',
    );
  }
}
