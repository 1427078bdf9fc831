/**
 * MCP over streamable HTTP at `/mcp`. Host and Origin were judged before, as for every other call. The protocol's
 * code is loaded by the first call: a gateway that no agent's host speaks to does without its memory.
 */
import type { IncomingMessage } from 'node:http';
import { AppError, asAppError } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { FastifyInstance } from 'fastify';
import type { Access, Caller } from '../access/access.ts';
import { createLocalBackend, type LocalDeps } from './local-backend.ts';
import type { McpCall } from './sessions.ts';

export interface MountMcpDeps extends LocalDeps {
  readonly access: Access;
  readonly version: string;
  readonly log: Log;
}

/** Mounts the endpoint; it closes with the server. */
export function mountMcp(app: FastifyInstance, deps: MountMcpDeps): void {
  let loaded: ReturnType<typeof loadEndpoint> | undefined;
  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    async handler(request, reply) {
      // A proxy's form of a request, `GET http://…/mcp`, is none that the protocol's code can read.
      if (!request.raw.url?.startsWith('/')) {
        throw new AppError('BAD_REQUEST', { reason: 'the path of a call begins with /' });
      }
      const caller = deps.access.callerOf(request.headers);
      loaded ??= loadEndpoint(deps);
      const { serve } = await loaded;
      const { raw, body } = request;
      void reply.hijack();
      await serve({ request: raw, response: reply.raw, body, caller });
      return reply;
    },
  });
  app.addHook('preClose', async () => (await loaded)?.close());
}

async function loadEndpoint(deps: MountMcpDeps) {
  const [{ createMcpHandler }, { toNodeHandler }, { createMcpServer }, { createMcpSessions }] =
    await Promise.all([
      import('@modelcontextprotocol/server'),
      import('@modelcontextprotocol/node'),
      import('./mcp-server.ts'),
      import('./sessions.ts'),
    ]);
  const { access, log, version } = deps;
  const onerror = (error: Error): void =>
    log.debug({ code: asAppError(error).code, reason: error.message }, 'an MCP call failed');
  const serverFor = (caller: Caller) => createMcpServer(createLocalBackend(deps, caller), version);
  const handler = createMcpHandler(
    ({ requestInfo }) => serverFor(access.callerOf(credentialsOf(requestInfo))),
    { onerror },
  );
  const sessions = createMcpSessions(serverFor);
  const serveAlone = toNodeHandler(handler, { onerror });
  return {
    async serve(call: McpCall): Promise<void> {
      const { request, response, body } = call;
      try {
        if (sessions.has(call)) await sessions.serve(call);
        else await serveAlone(withMethod(request), response, body);
      } catch (error) {
        const { message, row } = asAppError(error);
        response.writeHead(row.httpStatus, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: row.rpcNumber, message } }),
        );
      }
    },
    async close(): Promise<void> {
      await Promise.all([sessions.close(), handler.close()]);
    },
  };
}

function credentialsOf(request: Request | undefined) {
  return {
    authorization: request?.headers.get('authorization') ?? undefined,
    'x-api-key': request?.headers.get('x-api-key') ?? undefined,
  };
}

/** A server's requests always have both; only the types of Node do not say so. */
function withMethod(request: IncomingMessage): IncomingMessage & { method: string; url: string } {
  return request as IncomingMessage & { method: string; url: string };
}
