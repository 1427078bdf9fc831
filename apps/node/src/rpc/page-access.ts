/**
 * What a web page may call, by the table of methods (docs/spec/wire.md, "Calls from web pages"): it reads, and it sends
 * what somebody has signed, which is worth the same whoever brings it. It never uses a right of the node itself, such
 * as the key of the faucet: a page acts for whoever wrote it, not for the person who looks at it.
 */
import { AppError, type RpcMethod } from '@aitbc/protocol';
import type { PageKind } from '@aitbc/service';

const allowed: Readonly<Record<PageKind, readonly RpcMethod['changes'][]>> = Object.freeze({
  none: [undefined, 'signed', 'node'],
  own: [undefined, 'signed'],
  listed: [undefined, 'signed'],
  any: [undefined],
  foreign: [],
});

/** Throws FORBIDDEN when a page may not use a method. */
export function assertPageMay(page: PageKind, { changes }: Pick<RpcMethod, 'changes'>): void {
  if (allowed[page].includes(changes)) return;
  const reason =
    changes === 'signed'
      ? 'pages of origins that are not listed by name may only read'
      : 'this method is not for web pages';
  throw new AppError('FORBIDDEN', { reason });
}
