import { createHttp, createLog } from '@aitbc/service';
import { expect, it } from 'vitest';
import { hideMetrics } from './hide-metrics.ts';

it('shows metrics to this machine only; to others the path is unknown', async () => {
  const log = createLog({ name: 'test', level: 'silent' });
  const { app } = createHttp({ name: 'test', log });
  hideMetrics(app);
  const get = (url: string, remoteAddress: string) => app.inject({ url, remoteAddress });
  expect((await get('/metrics', '127.0.0.1')).statusCode).toBe(200);
  expect((await get('/metrics', '::1')).statusCode).toBe(200);
  const hidden = await get('/metrics', '10.0.0.9');
  const unknown = await get('/unknown', '10.0.0.9');
  expect(hidden.statusCode).toBe(404);
  expect(hidden.json()).toEqual({
    ...unknown.json(),
    detail: unknown.json().detail.replace('/unknown', '/metrics'),
    facts: { what: 'path GET /metrics' },
    requestId: hidden.json().requestId,
  });
  await app.close();
});
