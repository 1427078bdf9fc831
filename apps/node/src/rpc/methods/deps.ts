/** What the methods of a node are made of. */
import type { Clock } from '@aitbc/primitives';
import { AppError, type Hex, type nodeRpc } from '@aitbc/protocol';
import type { Log, PageKind } from '@aitbc/service';
import type { Admit } from '../../chain/admission.ts';
import type { ChainView } from '../../chain/chain-view.ts';
import type { Faucet } from '../../chain/faucet.ts';
import type { Finality } from '../../chain/finality.ts';
import type { LiveChain } from '../../chain/live-chain.ts';
import type { OpenedChain } from '../../chain/open-chain.ts';
import type { Mesh } from '../../mesh/types.ts';
import type { Store } from '../../storage/store.ts';
import type { RpcHandlers } from '../json-rpc.ts';

/** What an operator may do to a node. */
export interface AdminParts {
  /** Secret that admin methods ask for. */
  readonly token: string;
  /** Begins to stop the program; undefined where nobody may. */
  readonly stop: (() => void) | undefined;
  /** The next block that proves itself gets a snapshot; undefined where none are taken. */
  readonly requestSnapshot: (() => void) | undefined;
}

/** Parts that the methods read from and hand over to. */
export interface MethodDeps {
  readonly opened: Pick<OpenedChain, 'network' | 'genesis'>;
  readonly live: LiveChain;
  /** Takes transactions of users in slices of the event loop. */
  readonly admit: Admit;
  readonly chain: ChainView;
  readonly store: Store;
  readonly finality: Finality;
  readonly faucet: Faucet | undefined;
  /** Public key of this node, hex. */
  readonly self: Hex;
  readonly mesh: () => Pick<Mesh, 'peers' | 'targets' | 'port'> | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly admin: AdminParts | undefined;
}

/** What a call knows of its caller. */
export interface CallerContext {
  /** Aborts when the caller goes away or the node stops. */
  readonly signal: AbortSignal;
  /** Whose web page calls, if any. */
  readonly page: PageKind;
  /** Throws UNAUTHORIZED or FORBIDDEN when the caller may not use admin methods. */
  assertAdmin(): void;
}

/** Handlers of the whole table. */
export type Handlers = RpcHandlers<typeof nodeRpc, CallerContext>;

/** NOT_FOUND for what is named. */
export function notFound(what: string): AppError {
  return new AppError('NOT_FOUND', { what });
}

/** BAD_REQUEST with its reason. */
export function badRequest(reason: string): AppError {
  return new AppError('BAD_REQUEST', { reason });
}
