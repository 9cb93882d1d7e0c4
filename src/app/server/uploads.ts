import { z } from '@hono/zod-openapi';
import type { HonoRequest } from 'hono';
import { firstIssue } from '../../foundation/errors';
import { excerpt } from '../../foundation/text';
import { LIMITS } from './options';
import { RequestProblem } from './problem';

/** A clip that came with a request. */
export interface UploadedClip {
  /** What answers call it: its file's name, or `clips[0]` for values. */
  readonly name: string;
  /** The bytes of an `.npz`, or values `[frames, width]` row by row. */
  readonly content: Uint8Array | Float32Array;
  /** The numbers of its first frame, where it came as values. */
  readonly width?: number;
}

/** The body of a request that gives a clip as values. */
export const framesSchema = z.object({
  frames: z
    .array(z.array(z.number()).min(1))
    .min(1)
    .openapi({ description: 'The clip, frame by frame: 156 numbers each for the usual 78 key points.', example: [[0.5, 0.25]] }),
});

/**
 * The clips of a request: one or more fields `file` of a form, or the frames of one clip as JSON.
 * @throws RequestProblem where there are none, too many, or they are something else.
 */
export async function uploadedClips(request: HonoRequest): Promise<UploadedClip[]> {
  const type = request.header('content-type') ?? '';
  if (/^multipart\/form-data\b/i.test(type)) return clipsOfForm(await formOf(request));
  if (/^application\/json\b/i.test(type)) return [clipOfJson(await request.text())];
  throw new RequestProblem(
    415,
    `content-type: expected multipart/form-data (fields "file") or application/json, found "${excerpt(type, 80)}"`,
  );
}

async function formOf(request: HonoRequest): Promise<FormData> {
  try {
    return await request.formData();
  } catch {
    throw new RequestProblem(400, 'the form cannot be read: expected multipart/form-data with one or more fields "file"');
  }
}

async function clipsOfForm(form: FormData): Promise<UploadedClip[]> {
  const other = [...form.keys()].find((key) => key !== 'file');
  if (other !== undefined) throw new RequestProblem(400, `the form has a field "${excerpt(other, 80)}"; expected fields "file" alone`);
  const files = form.getAll('file').map((entry) => {
    if (typeof entry === 'string') throw new RequestProblem(400, 'file: expected a file, found a text; with curl: -F file=@clip.npz');
    return entry;
  });
  if (files.length === 0) throw new RequestProblem(400, 'the form has no field "file"; expected one or more .npz files');
  if (files.length > LIMITS.files)
    throw new RequestProblem(413, `${files.length} files in one request (at most ${LIMITS.files} are taken); send several requests`);
  const clips: UploadedClip[] = [];
  for (const file of files)
    clips.push({ name: file.name === '' ? 'clip.npz' : file.name, content: new Uint8Array(await file.arrayBuffer()) });
  return clips;
}

function clipOfJson(text: string): UploadedClip {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new RequestProblem(400, 'the body is no JSON; expected {"frames": [[0.5, 0.25, …], …]}');
  }
  const checked = framesSchema.safeParse(body);
  if (!checked.success) throw new RequestProblem(400, `${firstIssue(checked.error)}; expected {"frames": [[0.5, 0.25, …], …]}`);
  const { frames } = checked.data;
  const width = frames[0]?.length ?? 0;
  const uneven = frames.findIndex((frame) => frame.length !== width);
  if (uneven !== -1)
    throw new RequestProblem(
      400,
      `frames.${uneven}: it has ${frames[uneven]?.length ?? 0} numbers, the first frame has ${width}; expected as many`,
    );
  return { name: 'clips[0]', content: Float32Array.from(frames.flat()), width };
}
