/**
 * How programs find out what is sold here and how it is paid: `/openapi.json` with `x-payment-info` on the paid calls,
 * `/llms.txt`, and `/.well-known/agent-registration.json` (the registration file of ERC-8004, with our chain as
 * its registry). Prices stand in the offers, which are signed; here stands only where to look.
 */
import { type JobKind, oneShotEndpoints, providerEndpoints } from '@aitbc/protocol';
import { type JsonObject, openApiOf } from '@aitbc/service';
import type { FastifyInstance } from 'fastify';
import type { OfferBook } from '../offers/offer-book.ts';

const version = '0.1.0';
const registrationType = 'https://eips.ethereum.org/EIPS/eip-8004#registration-v1';

export interface DiscoveryDeps {
  readonly address: string;
  readonly network: { readonly caip2: string };
  readonly offers: Pick<OfferBook, 'list'>;
}

/** Mounts all three. */
export function mountDiscovery(app: FastifyInstance, deps: DiscoveryDeps): void {
  const documentOf = createDocuments(deps);
  app.get('/openapi.json', (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(documentOf()),
  );
  app.get('/llms.txt', (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send(llmsText(deps)),
  );
  app.get('/.well-known/agent-registration.json', () => registrationOf(deps));
}

const messages = [{ role: 'user', content: 'Why is the sky blue?' }];
const modelWithoutOffers = 'qwen3:8b';

/** Bodies by path, without their model; `kind` says which models fit. */
const examples: Readonly<Record<string, { readonly kind: JobKind; readonly body: object }>> = {
  '/v1/chat/completions': { kind: 'chat', body: { messages, stream: true } },
  '/v1/completions': { kind: 'chat', body: { prompt: 'Why is the sky blue?' } },
  '/v1/messages': { kind: 'chat', body: { max_tokens: 256, messages } },
  '/v1/embeddings': { kind: 'embed', body: { input: ['one text', 'another'] } },
  '/api/chat': { kind: 'chat', body: { messages } },
  '/api/generate': { kind: 'chat', body: { prompt: 'Why is the sky blue?' } },
  '/api/embed': { kind: 'embed', body: { input: 'one text' } },
};

/** The document with examples of what is on offer, so that they can be sent as they are; made anew when that changes. */
function createDocuments({ network, offers }: DiscoveryDeps): () => string {
  let made = { models: '', text: '' };
  const modelFor = (kind: JobKind): string =>
    offers.list().find(({ payload }) => payload.serves.includes(kind))?.payload.model ??
    modelWithoutOffers;
  return () => {
    const models = JSON.stringify([modelFor('chat'), modelFor('embed')]);
    if (made.models !== models) {
      made = { models, text: JSON.stringify(providerDocument(network.caip2, modelFor)) };
    }
    return made.text;
  };
}

interface Operation extends JsonObject {
  readonly requestBody?: { readonly content: { readonly 'application/json': JsonObject } };
  readonly responses: JsonObject;
}

/** The OpenAPI document; paid calls say how they are paid and what a 402 is. */
function providerDocument(network: string, modelFor: (kind: JobKind) => string): JsonObject {
  const document = openApiOf({
    title: 'AITBC provider',
    version,
    description: 'Sells inference by the token. Payment: docs/spec/payments.md; x402 version 2.',
    tables: { provider: providerEndpoints, payments: oneShotEndpoints },
  });
  const paths = document.paths as Record<string, Record<string, Operation>>;
  for (const row of Object.values(providerEndpoints)) {
    const operation = paths[row.path]?.[row.method.toLowerCase()];
    if (!operation || row.access !== 'paid') continue;
    operation['x-payment-info'] = {
      intent: 'session',
      method: 'aitbc',
      amount: null,
      currency: 'AIT',
      description: 'By the token, from a channel; the terms of a request are in its 402.',
      protocols: ['x402'],
      network,
    };
    operation.responses[402] = { description: 'Payment required: terms in PAYMENT-REQUIRED.' };
    const json = operation.requestBody?.content['application/json'];
    const example = examples[row.path];
    if (json && example) json.example = { model: modelFor(example.kind), ...example.body };
  }
  return document;
}

function llmsText({ address, network, offers }: DiscoveryDeps): string {
  const models = offers.list().map(({ payload }) => {
    const { model: name, price, serves } = payload;
    const { inputPerMTok, outputPerMTok, perRequest } = price;
    return `- ${name} (${serves.join(', ')}): ${inputPerMTok} nait per million tokens in, ${outputPerMTok} out, ${perRequest} per request`;
  });
  return `# AITBC provider ${address}

> Sells inference by the token on ${network.caip2}. A call without payment gets a 402 with its terms (x402 version 2);
> nothing runs before it is paid.

## Models

${models.join('\n')}

## Calls

- Paid: ${Object.keys(examples)
    .map((path) => `\`POST ${path}\``)
    .join(', ')}
- Free: \`GET /v1/models\`, \`GET /v1/offers\`, \`GET /openapi.json\`, \`GET /v1/payments/receipts/{jobId}\`
- 1 AIT is 1000000000 nait
`;
}

function registrationOf({ address, network, offers }: DiscoveryDeps): JsonObject {
  const endpoint = offers.list()[0]?.payload.endpoint ?? '';
  return {
    type: registrationType,
    name: `AITBC provider ${address}`,
    description: 'Sells inference by the token.',
    services: [
      { name: 'OpenAI', endpoint: `${endpoint}/v1` },
      { name: 'Anthropic', endpoint },
      { name: 'Ollama', endpoint },
      { name: 'OpenAPI', endpoint: `${endpoint}/openapi.json` },
    ],
    x402Support: true,
    active: offers.list().length > 0,
    registrations: [{ agentId: address, agentRegistry: network.caip2 }],
  };
}
