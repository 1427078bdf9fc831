/**
 * Sessions of MCP clients of 2025. Their protocol cancels a call by a message of its own, which finds the call only
 * in a session; without one, a host that cancels would go on paying. Clients of 2026-07-28 cancel by leaving, and need none.
 *
 * A session belongs to the caller who opened it. The number of sessions is bounded: the one that was quiet for
 * longest gives way, and its client opens a new one when it gets 404.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '@aitbc/protocol';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import type { McpServer } from '@modelcontextprotocol/server';
import type { Caller } from '../access/access.ts';

const sessionsMax = 64;
const sessionHeader = 'mcp-session-id';
const versionHeader = 'mcp-protocol-version';
const lastWithSessions = '2025-11-25'; // versions are dates; the next one is 2026-07-28

/** One HTTP call of a client. */
export interface McpCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: unknown;
  readonly caller: Caller;
}

/** Sessions over servers that are made for each. */
export interface McpSessions {
  /** True when the call opens a session or belongs to one. */
  has(call: Pick<McpCall, 'request' | 'body'>): boolean;
  /** Throws NOT_FOUND for a session that is gone, or is somebody else's. */
  serve(call: McpCall): Promise<void>;
  close(): Promise<void>;
}

interface Session {
  readonly transport: NodeStreamableHTTPServerTransport;
  readonly owner: string;
}

export function createMcpSessions(serverFor: (caller: Caller) => McpServer): McpSessions {
  const sessions = new Map<string, Session>();
  const open = async (caller: Caller): Promise<Session> => {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized(id) {
        sessions.set(id, session);
        const [oldest] = sessions;
        if (sessions.size > sessionsMax && oldest) void oldest[1].transport.close();
      },
    });
    const session: Session = { transport, owner: ownerOf(caller) };
    const server = serverFor(caller);
    await server.connect(transport);
    // The server has a handler of its own here; it goes on.
    const { onclose } = transport;
    transport.onclose = () => {
      onclose?.();
      if (transport.sessionId !== undefined) sessions.delete(transport.sessionId);
    };
    return session;
  };
  const find = (id: string, caller: Caller): Session => {
    const session = sessions.get(id);
    if (session?.owner !== ownerOf(caller)) throw new AppError('NOT_FOUND', { what: 'session' });
    sessions.delete(id);
    sessions.set(id, session);
    return session;
  };
  return {
    has: ({ request, body }) =>
      sessionIdOf(request) !== undefined || (isOpening(body) && isOfSessions(request)),
    async serve({ request, response, body, caller }) {
      const id = sessionIdOf(request);
      const { transport } = id === undefined ? await open(caller) : find(id, caller);
      await transport.handleRequest(request, response, body);
    },
    async close() {
      await Promise.all([...sessions.values()].map(({ transport }) => transport.close()));
    },
  };
}

const ownerOf = (caller: Caller): string =>
  caller.kind === 'key' ? `key ${caller.key.name}` : caller.kind;

function sessionIdOf({ headers }: IncomingMessage): string | undefined {
  const id = headers[sessionHeader];
  return Array.isArray(id) ? id[0] : id;
}

/** A request that names a later version asks for a method that is gone there. */
function isOfSessions({ headers }: IncomingMessage): boolean {
  const version = headers[versionHeader];
  return version === undefined || String(version) <= lastWithSessions;
}

/** Only clients of 2025 initialize. */
function isOpening(body: unknown): boolean {
  return (body as { method?: unknown } | null | undefined)?.method === 'initialize';
}
