/**
 * Which web pages may call a daemon (docs/spec/wire.md, "Calls from web pages").
 *
 * A browser lets every page post to this machine and open a WebSocket to it; all it does is to say whose page
 * it is, in `Origin`. So a request that carries one is judged here, before its body is read or its socket is
 * opened. Programs send none and pass.
 *
 * - The daemon's own page: its origin is the very address that was called, and that address is an IP, `localhost`
 *   or a name the daemon was told. Without the second half a foreign name that is made to point here (DNS rebinding)
 *   would be at home.
 * - A page of a listed origin, or of any where `*` is listed, may call the paths that are shared, and is given
 *   CORS answers there. The handler behind that path looks at `request.pageKind` and judges each call.
 * - Everybody else is refused, but for plain reads: without a CORS answer no page sees what they say.
 *
 * Answers never allow credentials, so a page has no rights that its reader's browser happens to hold.
 */
import { isIP } from 'node:net';
import { AppError } from '@aitbc/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Who sent a request: no page, a page of the daemon, one of a listed origin, any page where `*` is listed, or a page that nobody let in. */
export type PageKind = 'none' | 'own' | 'listed' | 'any' | 'foreign';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose page sent this; `foreign` reaches handlers of plain reads only. */
    pageKind: PageKind;
  }
}

/** Pages that may call. */
export interface OriginRules {
  /** Names of this daemon besides IP addresses and `localhost`, without ports. */
  readonly ownNames?: readonly string[];
  /** What pages of other origins may call. Its handler must judge each call by `request.pageKind`. */
  readonly shared?: {
    /** One path, or which paths. */
    readonly path: string | ((path: string) => boolean);
    /** Such as `https://app.example`; `*` for every page. */
    readonly origins: readonly string[];
    /** Headers of requests besides `content-type`, and those of answers that a page may read. */
    readonly asked?: readonly string[];
    readonly shown?: readonly string[];
  };
}

const preflightHeaders = (asked: readonly string[] = []) => ({
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': ['content-type', ...asked].join(', '),
  'access-control-max-age': '600',
});

/** Judges every request of a server. Throws CONFIG_INVALID for a listed origin that is none. */
export function addOriginGuard(app: FastifyInstance, rules: OriginRules): void {
  const { path, origins = [] } = rules.shared ?? {};
  const isSharedPath = typeof path === 'function' ? path : (asked: string) => asked === path;
  const kindOf = createKindOf(rules.ownNames ?? [], origins.map(normalOrigin));
  app.addHook('onRequest', async (request, reply) => {
    const { origin, host } = request.headers;
    const isShared = origins.length > 0 && isSharedPath(request.url.split('?')[0] ?? '');
    if (isShared) void reply.header('vary', 'origin');
    if (origin === undefined) return;
    const kind = kindOf(origin, host);
    request.pageKind = isShared || kind === 'own' ? kind : 'foreign';
    if (request.pageKind === 'foreign') return assertPlainRead(request, reply);
    if (request.pageKind !== 'own') return answerCors(request, reply, rules.shared);
  });
}

function answerCors(
  { method, headers, pageKind }: FastifyRequest,
  reply: FastifyReply,
  shared: OriginRules['shared'],
): unknown {
  const { asked, shown = [] } = shared ?? {};
  void reply.header('access-control-allow-origin', pageKind === 'any' ? '*' : headers.origin);
  if (shown.length > 0) void reply.header('access-control-expose-headers', shown.join(', '));
  if (method === 'OPTIONS') return reply.status(204).headers(preflightHeaders(asked)).send();
  return undefined;
}

function createKindOf(
  ownNames: readonly string[],
  origins: readonly string[],
): (origin: string, host?: string) => PageKind {
  const names = new Set(['localhost', ...ownNames.map((name) => name.toLowerCase())]);
  const listed = new Set(origins);
  return (origin, host = '') => {
    const address = /^https?:\/\/([^/\s]+)$/.exec(origin)?.[1];
    const name = address?.replace(/:\d+$/, '') ?? '';
    const isOwnName = names.has(name) || isIP(name.replace(/^\[(.+)\]$/, '$1')) !== 0;
    if (isOwnName && address === host.toLowerCase()) return 'own';
    if (listed.has(origin)) return 'listed';
    return listed.has('*') ? 'any' : 'foreign';
  };
}

function assertPlainRead({ method, headers, raw }: FastifyRequest, reply: FastifyReply): void {
  const isRead = method === 'GET' || method === 'HEAD';
  if (isRead && headers.upgrade === undefined) return;
  // The server has let go of a connection that asks for an upgrade: nobody else would end it.
  if (headers.upgrade !== undefined) reply.raw.once('finish', () => raw.socket.destroySoon());
  const reason = `pages of ${headers.origin?.slice(0, 100)} are not allowed to call this daemon`;
  throw new AppError('FORBIDDEN', { reason });
}

/** An origin as browsers write it: small letters, no default port, no path. */
function normalOrigin(text: string): string {
  if (text === '*') return text;
  const given = text.toLowerCase();
  if (/^[a-z][a-z\d+.-]*:\/\/[^\s/?#@*]+$/.test(given) && URL.canParse(given)) {
    return /^https?:/.test(given) ? new URL(given).origin : given;
  }
  const reason = `${text.slice(0, 100)} is no origin: scheme, host and port, such as https://app.example`;
  throw new AppError('CONFIG_INVALID', { reason });
}
