/** How programs find out what a gateway can do: `/openapi.json` with examples, and `/llms.txt`. */
import { gatewayEndpoints } from '@aitbc/protocol';
import { type JsonObject, openApiOf } from '@aitbc/service';
import type { FastifyInstance } from 'fastify';

const messages = [{ role: 'user', content: 'Why is the sky blue?' }];
const model = 'qwen3:8b';

const examples: Readonly<Record<string, unknown>> = {
  '/v1/chat/completions': { model, messages, stream: true },
  '/v1/completions': { model, prompt: 'Why is the sky blue?' },
  '/v1/responses': { model, input: 'Why is the sky blue?' },
  '/v1/messages': { model, max_tokens: 256, messages },
  '/v1/embeddings': { model, input: ['one text', 'another'] },
  '/api/chat': { model, messages },
  '/api/generate': { model, prompt: 'Why is the sky blue?' },
  '/api/embed': { model, input: 'one text' },
  '/api/embeddings': { model, prompt: 'one text' },
  '/v1/aitbc/quote': { model, messages, max_tokens: 256 },
  '/v1/aitbc/keys': { name: 'my-agent', dayMax: '1000000000', jobMax: '10000000' },
};

/** The OpenAPI document of a gateway, with an example for every call that takes a body. */
export function gatewayDocument(version: string): JsonObject {
  const document = openApiOf({
    title: 'AITBC gateway',
    version,
    description: 'Buys inference on the AITBC market for unmodified clients.',
    tables: { gateway: gatewayEndpoints },
  });
  const paths = document.paths as Record<string, Record<string, JsonObject>>;
  for (const [path, example] of Object.entries(examples)) {
    const body = paths[path]?.post?.requestBody as
      | { content: { 'application/json': JsonObject } }
      | undefined;
    if (body) body.content['application/json'].example = example;
  }
  return document;
}

const llmsText = `# AITBC gateway

> A local gateway that buys inference on the AITBC market. Unmodified clients of OpenAI, Anthropic and Ollama point their
> base URL here; the gateway finds a provider, pays by the token, and goes on at another one when the first dies.

- Base URLs: \`OPENAI_BASE_URL=<this>/v1\`, \`ANTHROPIC_BASE_URL=<this>\`, \`OLLAMA_HOST=<this>\`
- MCP: streamable HTTP at \`<this>/mcp\` (tools: list_models, quote, chat, embed, wallet_balance, spend_limits, job_status)
- API description: \`<this>/openapi.json\`
- Amounts are nait in decimal text; 1 AIT is 1000000000 nait
- What an answer cost: header \`x-aitbc-cost\` (trailer of streams) and \`usage.x_aitbc\`
- The same \`Idempotency-Key\` with the same request is one job and is charged once
- Errors carry a stable \`code\`; \`x-should-retry\` says whether the same call may succeed later
- Before you spend: \`spend_limits\` or \`GET <this>/v1/aitbc/limits\` says what is left, by one call and today; \`quote\` says what a call
  would cost at most; \`max_tokens\` bounds it
- \`BUDGET_EXCEEDED\`: stop and tell your owner. \`NO_OFFER\`, \`MODEL_UNKNOWN\`: list the models. \`QUEUE_FULL\`: wait, then the same call again
- A stream that falls silent for a moment is being moved to another provider: wait
`;

/** Mounts both. */
export function mountDiscovery(app: FastifyInstance, version: string): void {
  let document: string | undefined;
  app.get('/openapi.json', (_request, reply) => {
    document ??= JSON.stringify(gatewayDocument(version));
    return reply.type('application/json; charset=utf-8').send(document);
  });
  app.get('/llms.txt', (_request, reply) => reply.type('text/plain; charset=utf-8').send(llmsText));
  // Ollama's clients ask here whether anybody is at home.
  app.get('/', (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send('Ollama is running (spoken by an AITBC gateway)'),
  );
}
