/**
 * Who may use admin methods: a program on this machine that can read the token file of the node. A caller that
 * comes through a proxy or out of a web page is refused whatever it knows: the first is not from here, and a page
 * can reach loopback with the rights of the person who looks at it.
 */
import { timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { hex, randomBytes, sha256, utf8 } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';

/** Name of the token file in a data folder. */
export const adminTokenFile = 'admin.token';

const tokenBytes = 32;

/** The token of a data folder, made when it has none; the file is for its owner only. */
export function openAdminToken(dataDir: string): string {
  const path = join(dataDir, adminTokenFile);
  if (!existsSync(path)) {
    writeFileSync(path, `${hex(randomBytes(tokenBytes))}\n`, { mode: 0o600, flag: 'wx' });
  }
  return readFileSync(path, 'utf8').trim();
}

/** The part of a request that decides. */
export interface AdminRequest {
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

const foreignHeaders = ['origin', 'forwarded', 'x-forwarded-for', 'x-real-ip'] as const;

/** Throws FORBIDDEN for a caller from elsewhere, UNAUTHORIZED without the token. */
export function assertAdmin(request: AdminRequest, token: string | undefined): void {
  const { headers, socket } = request;
  const foreign = foreignHeaders.find((name) => headers[name] !== undefined);
  if (!isLoopback(socket.remoteAddress) || foreign) {
    const reason = 'admin methods are for programs on the machine of the node';
    throw new AppError('FORBIDDEN', { reason });
  }
  const given = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
  if (token !== undefined && isSame(given, token)) return;
  const reason = `admin methods need the token in the file ${adminTokenFile} of the data folder`;
  throw new AppError('UNAUTHORIZED', { reason });
}

function isLoopback(address = ''): boolean {
  return address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}

/** Compares hashes, so that the time says nothing about the token. */
function isSame(given: string, token: string): boolean {
  return timingSafeEqual(sha256(utf8(given)), sha256(utf8(token)));
}
