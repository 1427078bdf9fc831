import { request } from 'node:http';
import { Ollama } from 'ollama';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../testing/start-gateway.ts';
import { gatewayDocument } from './discovery.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

describe('who looks for what a gateway can do', () => {
  it('finds every call in the OpenAPI document, with examples that are answered', async () => {
    const document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as Document;
    expect(document).toEqual(JSON.parse(JSON.stringify(gatewayDocument('0.1.0'))));
    const bought = Object.entries(document.paths).filter(
      ([path, { post }]) =>
        post?.requestBody && !path.startsWith('/v1/aitbc') && path !== '/api/show',
    );
    expect(bought).toHaveLength(9);
    for (const [path, { post }] of bought) {
      const { example } = post?.requestBody?.content['application/json'] ?? {};
      const answer = await fetch(gateway.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(example),
      });
      expect([path, answer.status]).toEqual([path, 200]);
      await answer.text();
    }
  });

  it('reads a page for language models', async () => {
    const answer = await fetch(`${gateway.url}/llms.txt`);
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(await answer.text()).toContain('OPENAI_BASE_URL=');
  });

  it('is told by dialect that a path is unknown', async () => {
    const bodyOf = async (path: string) =>
      (await (await fetch(gateway.url + path, { method: 'POST' })).json()) as object;
    expect(await bodyOf('/v1/audio/speech')).toMatchObject({ error: { code: 'NOT_FOUND' } });
    expect(await bodyOf('/api/pull')).toMatchObject({ error: expect.any(String) });
    expect(await bodyOf('/nowhere')).toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });
});

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      {
        readonly post?: {
          readonly requestBody?: {
            readonly content: { readonly 'application/json': { readonly example?: object } };
          };
        };
      }
    >
  >;
}

describe('a second port', () => {
  it('answers the same calls, and guards them the same way', async () => {
    const { createServer } = await import('node:net');
    const port = await new Promise<number>((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
      });
    });
    const both = await startGateway({ argv: ['--ollama-port', String(port)] });
    const second = `http://127.0.0.1:${port}`;
    const { models } = await new Ollama({ host: second }).list();
    expect(models.map(({ name }) => name)).toEqual(['tiny', 'org/big']);
    const said = await new Ollama({ host: second }).generate({ model: 'tiny', prompt: 'hi' });
    expect(said.response).toBe('one two three');
    const status = await new Promise((resolve) => {
      request(`${second}/api/tags`, { headers: { host: 'evil.example' } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      }).end();
    });
    expect(status).toBe(403);
    await expect(startGateway({ argv: ['--ollama-port', String(port)] })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
    });
    await both.stop();
    await expect(fetch(`${second}/api/tags`)).rejects.toBeDefined();
  });
});
