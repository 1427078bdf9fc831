/**
 * The files of the web console, at `/`.
 *
 * A page can do only what its Content-Security-Policy names: code and styles of this origin, WebAssembly for
 * signatures, calls to this coordinator and to the one gateway that is configured. No inline script or style, no frame
 * around it, no form to anywhere. Names of built files hold a hash of their content, so they are kept for a year and the
 * page itself is asked for each time.
 *
 * Deep links: every GET that is no file and no call of an API is the page, which shows what its address says.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Where the console is and what its page may call. */
export interface ServeConsoleOptions {
  /** Folder with `index.html`. */
  readonly folder: string;
  /** Base URL, or empty. */
  readonly gateway: string;
}

const yearSeconds = 31_536_000;
/** Of the coordinator itself: an unknown path below these is an error of the API and no page. */
const apiPath = /^\/(v1|docs|health|metrics|canary|relay|supported|discovery|openapi\.json)(\/|$)/;

/** The folder that a setting means; undefined where nothing is built there or nothing is wanted. */
export function consoleFolderOf(setting: string): string | undefined {
  if (setting === '' || setting === 'off') return undefined;
  const beside = join(import.meta.dirname, '../../../console/dist/web');
  const folder = setting === 'auto' ? beside : setting;
  return existsSync(join(folder, 'index.html')) ? folder : undefined;
}

/** Mounts the console on every path that nobody else has. */
export async function serveConsole(
  app: FastifyInstance,
  { folder, gateway }: ServeConsoleOptions,
): Promise<void> {
  const headers = headersOf(gateway);
  await app.register(async (scope) => {
    await scope.register(fastifyStatic, {
      ...{ root: folder, serve: false, preCompressed: true },
      ...{ decorateReply: true, cacheControl: false },
    });
    scope.get('/*', (request, reply) => {
      const path = request.url.split('?')[0] ?? '/';
      if (apiPath.test(path)) return reply.callNotFound();
      void reply.headers(headers);
      const isHashed = path.startsWith('/assets/');
      const isFile = isHashed || /^\/[\w-]+\.\w+$/.test(path);
      const age = isHashed ? `public, max-age=${yearSeconds}, immutable` : 'no-cache';
      return reply.header('cache-control', age).sendFile(isFile ? path.slice(1) : 'index.html');
    });
  });
}

function headersOf(gateway: string): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self' ${gateway}`.trim(),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  };
}
