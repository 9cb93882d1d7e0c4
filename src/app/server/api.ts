import type { OpenAPIHono } from '@hono/zod-openapi';
import { Turns } from '../../data/file-reading';
import { version } from '../../foundation/installation';
import { elementAt } from '../../foundation/required';
import { printableLine } from '../../foundation/text';
import type { ModelDefinitions } from '../../models/model-table';
import { documentedRoutes, modelQuery, predictQuery, sampleQuery } from './api-routes';
import { queryOf } from './checked-request';
import { clipView } from './clip-view';
import { evaluateClips } from './evaluate-clips';
import { addModelsApi } from './models-api';
import { RequestProblem } from './problem';
import { attentionOf, recogniseClips } from './recognise-clips';
import { referencePage } from './reference-page';
import { sampleAt, samplesFor } from './samples';
import type { ServedModels } from './served-models';
import { uploadedClips, type UploadedClip } from './uploads';

/** What the endpoints work with. */
interface ApiParts {
  readonly served: ServedModels;
  /** The kinds of models that clips may feed; those of Kumpas where absent. */
  readonly models: ModelDefinitions | undefined;
  readonly startedAt: number;
}

/** Adds the endpoints under `/api/`, and their description. */
export function addApi(app: OpenAPIHono, { served, models, startedAt }: ApiParts): void {
  const showing = new Turns();
  for (const route of documentedRoutes) app.openAPIRegistry.registerPath(route);

  app.get('/api/health', (context) => {
    const listed = served.list();
    const loaded = listed.filter((model) => model.is_loaded).length;
    const uptime = Math.round((Date.now() - startedAt) / 1000);
    return context.json({ status: 'ok', version, models: listed.length, loaded, uptime_seconds: uptime });
  });

  app.get('/api/models', (context) => context.json({ models: served.list() }));

  app.post('/api/predict', async (context) => {
    const { model, top_k: topK } = queryOf(context, predictQuery);
    const clips = await uploadedClips(context.req);
    const answer = await served.use(model, (loaded) => recogniseClips(loaded, clips, topK));
    const isOfUse = answer.predictions.some((prediction) => !('error' in prediction));
    return isOfUse ? context.json(answer) : context.json({ error: firstError(answer.predictions), ...answer }, 422);
  });

  app.post('/api/evaluate', async (context) => {
    const { model, top_k: topK } = queryOf(context, predictQuery);
    const clips = await uploadedClips(context.req);
    const answer = await served.use(model, (loaded) => evaluateClips(loaded, clips, topK));
    return answer.clips > 0 ? context.json(answer) : context.json({ error: firstError(answer.predictions), ...answer }, 422);
  });

  app.post('/api/attention', async (context) => {
    const { model } = queryOf(context, modelQuery);
    const clip = onlyClip(await uploadedClips(context.req));
    return context.json(await served.use(model, (loaded) => attentionOf(loaded, clip)));
  });

  app.post('/api/clip', async (context) => {
    const clip = onlyClip(await uploadedClips(context.req));
    return context.json(await showing.alone(() => clipView(clip, models)));
  });

  app.get('/api/samples', async (context) => {
    const { model } = queryOf(context, modelQuery);
    const { source, clips } = await served.use(model, samplesFor);
    return context.json({ source, samples: clips.map(({ name, gloss = null }) => ({ name, gloss })) });
  });

  app.get('/api/sample', async (context) => {
    const { model, place } = queryOf(context, sampleQuery);
    const { name, read } = sampleAt(await served.use(model, samplesFor), place);
    const bytes = await read();
    const header = {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}`,
    };
    return context.body(new Uint8Array(bytes), 200, header);
  });

  addModelsApi(app, served);

  const description = { openapi: '3.1.0', info: { title: 'Kumpas', version, description: 'Recognises the signs in clips.' } };
  app.get('/api/openapi.json', (context) => context.json(app.getOpenAPI31Document(description)));
  app.get('/api/docs', (context) => context.html(referencePage(app.getOpenAPI31Document(description))));
}

/** @throws RequestProblem where there are several. */
function onlyClip(clips: readonly UploadedClip[]): UploadedClip {
  if (clips.length > 1) throw new RequestProblem(400, `file: expected one clip, found ${clips.length}`);
  return elementAt(clips, 0);
}

function firstError(predictions: readonly object[]): string {
  const refused = predictions.find((prediction) => 'error' in prediction) as { readonly file: string; readonly error: string } | undefined;
  return refused === undefined ? 'no clip' : printableLine(`${refused.file}: ${refused.error}`);
}
