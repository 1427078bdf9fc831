/** OpenAPI 3.1 out of endpoint tables, and the pages that show it. */
import type { Endpoint, EndpointTable } from '@aitbc/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

/** A JSON object of the document. */
export type JsonObject = Record<string, unknown>;

/** Options of `openApiOf`. */
export interface OpenApiOptions {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  /** Tables by the heading they stand under. */
  readonly tables: Readonly<Record<string, EndpointTable>>;
}

/** The OpenAPI 3.1 document of the tables. */
export function openApiOf({ title, version, description, tables }: OpenApiOptions): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const [tag, table] of Object.entries(tables)) {
    for (const [name, row] of Object.entries(table)) {
      const path = row.path.replace(/:(\w+)/g, '{$1}');
      paths[path] = { ...paths[path], [row.method.toLowerCase()]: operationOf(name, row, tag) };
    }
  }
  return {
    openapi: '3.1.0',
    info: { title, version, ...(description ? { description } : {}) },
    tags: Object.keys(tables).map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: problemSchema },
    },
  };
}

const problemSchema = {
  type: 'object',
  description: 'RFC 9457 problem with a stable code; the codes are listed in docs/errors.md',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string' },
    facts: { type: 'object' },
    requestId: { type: 'string' },
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'facts', 'requestId'],
};

function operationOf(name: string, row: Endpoint, tag: string): JsonObject {
  const input = jsonSchemaOf(row.input, 'input');
  const inPath = new Set([...row.path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? ''));
  const { properties = {} } = input;
  const required = new Set(input.required);
  const isPost = row.method === 'POST';
  const parameters = Object.entries(properties)
    .filter(([key]) => inPath.has(key) || !isPost)
    .map(([key, schema]) => ({
      name: key,
      in: inPath.has(key) ? 'path' : 'query',
      required: inPath.has(key) || required.has(key),
      schema,
    }));
  return {
    operationId: name,
    tags: [tag],
    summary: row.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(isPost ? { requestBody: bodyOf(input, inPath) } : {}),
    ...(row.access === 'token' ? { security: [{ token: [] }] } : {}),
    responses: responsesOf(row),
  };
}

function bodyOf(input: InputSchema, inPath: ReadonlySet<string>): JsonObject {
  const { properties, ...rest } = input;
  const required = (input.required ?? []).filter((key) => !inPath.has(key));
  const inBody = Object.entries(properties ?? {}).filter(([key]) => !inPath.has(key));
  const schema = {
    ...rest,
    required,
    ...(properties ? { properties: Object.fromEntries(inBody) } : {}),
  };
  return { required: required.length > 0, content: { 'application/json': { schema } } };
}

function responsesOf(row: Endpoint): JsonObject {
  const content: JsonObject = {
    'application/json': { schema: jsonSchemaOf(row.output, 'output') },
    ...(row.streams ? { 'text/event-stream': { schema: { type: 'string' } } } : {}),
  };
  const problem = {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  };
  return {
    200: { description: 'The answer.', content },
    default: { description: 'Refused or failed.', content: problem },
  };
}

/** A JSON schema, as far as it is looked into here. */
interface InputSchema {
  readonly properties?: Record<string, JsonObject>;
  readonly required?: string[];
}

function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): InputSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest as InputSchema;
}

/** Serves the document as /openapi.json and its pages under /docs. The pages' code loads only here. */
export async function mountDocs(app: FastifyInstance, document: JsonObject): Promise<void> {
  const [swagger, swaggerUi] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ]);
  await app.register(swagger.default, {
    mode: 'static',
    specification: { document: document as never },
  });
  await app.register(swaggerUi.default, { routePrefix: '/docs' });
  app.get('/openapi.json', () => document);
}
