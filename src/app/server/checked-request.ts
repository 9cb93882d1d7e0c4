import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { firstIssue } from '../../foundation/errors';
import { excerpt } from '../../foundation/text';
import { RequestProblem } from './problem';

/** @throws RequestProblem where a parameter is not as it must be. */
export function queryOf<Schema extends z.ZodType>(context: Context, schema: Schema): z.infer<Schema> {
  return checked(schema, context.req.query());
}

/** {@link queryOf} of parameters that may stand in an address several times: each is a list. */
export function queriesOf<Schema extends z.ZodType>(context: Context, schema: Schema): z.infer<Schema> {
  return checked(schema, context.req.queries());
}

/** The parts of an address that are named in its route. @throws RequestProblem where one is not as it must be. */
export function pathOf<Schema extends z.ZodType>(context: Context, schema: Schema): z.infer<Schema> {
  return checked(schema, context.req.param());
}

/** What was sent as JSON. @throws RequestProblem where it is none, or not as it must be. */
export async function jsonOf<Schema extends z.ZodType>(context: Context, schema: Schema): Promise<z.infer<Schema>> {
  const type = context.req.header('content-type') ?? '';
  if (!/^application\/json\b/i.test(type))
    throw new RequestProblem(415, `content-type: expected application/json, found "${excerpt(type, 80)}"`);
  let body: unknown;
  try {
    body = JSON.parse(await context.req.text());
  } catch {
    throw new RequestProblem(400, 'the body is no JSON');
  }
  return checked(schema, body);
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const read = schema.safeParse(value);
  if (!read.success) throw new RequestProblem(400, firstIssue(read.error));
  return read.data;
}
