/** What clients send in each dialect, and what becomes of it: the job, its wire body, an answer of every form. */
import {
  AppError,
  dialectBodies,
  dialectForms,
  embedForms,
  readBody,
  readDialect,
  wireBodyOf,
  wireEmbedBodyOf,
} from '@aitbc/protocol';
import { demand, demandSame } from '../check.mjs';
import { jsonOfSchema, readOrRefused } from './target.mjs';

const codes = ['FIELD_UNSUPPORTED', 'BAD_REQUEST'];
const finish = {
  ...{ reason: 'stop', promptTokens: 7, outputTokens: 3, firstTokenMs: 1, durationMs: 2 },
  bill: { charged: '7', jobId: '01', provider: 'a', providers: ['a'] },
};

/** All of them. */
export function dialectTargets() {
  const chats = Object.keys(dialectForms).map((dialect) => chatTarget(dialect));
  return [...chats, ...Object.keys(embedForms).map((dialect) => embedTarget(dialect))];
}

function chatTarget(dialect) {
  const form = dialectForms[dialect];
  return jsonOfSchema({
    ...{ name: `dialect ${dialect}`, covers: ['readDialect', 'readBody'] },
    schema: dialectBodies[dialect],
    check(value) {
      const found = readOrRefused(() => readDialect(dialect, value), codes);
      if (!found) return false;
      const { request } = found.value;
      const body = JSON.parse(JSON.stringify(wireBodyOf(request)));
      const again = readOrRefused(() => readDialect('openai', body), codes);
      demand(again !== undefined, 'the body that is paid for is refused by its reader');
      const { stream: _asked, ...paid } = again.value.request;
      const { stream: _wanted, ...asked } = JSON.parse(JSON.stringify(request));
      demandSame(JSON.parse(JSON.stringify(paid)), asked, 'what is paid for is not what was asked');
      answer(form, request.model);
      return true;
    },
  });
}

/** An answer of every form can be written, for any name of a model. */
function answer(form, model) {
  const writer = form.writer({ jobId: 'j', model, createdMs: 1, includeUsage: true });
  const error = new AppError('ENGINE_CRASHED', { engine: 'x', reason: model });
  const parts = [
    writer.head(),
    writer.text('a\u2028"', 2),
    writer.end(finish),
    writer.error(error),
  ];
  demand(
    parts.every((part) => typeof part === 'string'),
    'a part of an answer is no text',
  );
  JSON.stringify([writer.whole('a', finish), form.errorBody(error)]);
}

function embedTarget(dialect) {
  const form = embedForms[dialect];
  return jsonOfSchema({
    ...{ name: `dialect ${dialect}`, covers: ['readBody'], schema: form.body },
    check(value) {
      const parsed = readOrRefused(() => readBody(form.body, value), codes);
      if (!parsed) return false;
      const found = readOrRefused(() => form.read(parsed.value), codes);
      if (!found) return false;
      const { model, inputs } = found.value;
      demand(typeof model === 'string' && inputs.length > 0, 'a job without work');
      JSON.stringify(wireEmbedBodyOf(found.value));
      return true;
    },
  });
}
