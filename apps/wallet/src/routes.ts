/** Endpoint → use case, and who may call it. */
import type { Clock } from '@aitbc/primitives';
import { AppError, limits, walletEndpoints } from '@aitbc/protocol';
import { type Handlers, type Http, type Log, mountEndpoints } from '@aitbc/service';
import {
  assertAdmin,
  assertCovers,
  assertReads,
  type Caller,
  coversAccount,
  dayOf,
} from './access/scopes.ts';
import { adminTokenId, callerOf, freshToken, hashOfToken } from './access/tokens.ts';
import type { Accounts } from './accounts.ts';
import { proposalsInWords } from './shared-accounts.ts';
import { type SigningDeps, signTransaction } from './sign-transaction.ts';
import { sponsorTransaction } from './sponsor-transaction.ts';
import type { WalletStore } from './store.ts';

/** What the routes need. */
export interface RoutesDeps extends SigningDeps {
  readonly accounts: Accounts;
  readonly log: Log;
  readonly nodeUrl: string;
}

type WalletHandlers = Handlers<typeof walletEndpoints, Caller>;

/** The caller of an open call: it may do nothing. */
const nobody: Caller = {
  tokenId: '',
  label: '',
  scopes: { admin: false, read: false, accounts: [], kinds: [], amountPerDay: '0' },
};

/** Mounts the API. */
export function mountRoutes(app: Http['app'], deps: RoutesDeps): void {
  const handlers: WalletHandlers = {
    about: () => ({ name: 'aitbc-wallet', nodeUrl: deps.nodeUrl }),
    ...accountHandlers(deps),
    ...tokenHandlers(deps),
    ...logHandlers(deps.store),
  };
  mountEndpoints(app, walletEndpoints, {
    log: deps.log,
    handlers,
    authorize: (row, request) =>
      row.access === 'open' ? nobody : callerOf(deps.store, request.headers.authorization),
  });
}

type AccountCalls =
  | 'createAccount'
  | 'listAccounts'
  | 'watchAccount'
  | 'forgetAccount'
  | 'proposals'
  | 'unlock'
  | 'lock'
  | 'changePassword'
  | 'sign'
  | 'sponsor'
  | 'exportAccount'
  | 'importFile';

function accountHandlers(deps: RoutesDeps): Pick<WalletHandlers, AccountCalls> {
  const { accounts } = deps;
  return {
    createAccount(input, { caller }) {
      assertAdmin(caller);
      return accounts.create(input);
    },
    listAccounts(_input, { caller }) {
      assertReads(caller);
      return { accounts: accounts.list().filter(({ address }) => coversAccount(caller, address)) };
    },
    async watchAccount(input, { caller }) {
      assertAdmin(caller);
      if (input.kind === 'shared') await deps.chain.sharedAccount(input.address);
      return accounts.watch(input);
    },
    forgetAccount({ address }, { caller }) {
      assertAdmin(caller);
      accounts.forget(address);
      return { address };
    },
    proposals({ address }, { caller }) {
      assertReads(caller);
      assertCovers(caller, address);
      return proposalsInWords(deps, address);
    },
    unlock(input, { caller }) {
      assertCovers(caller, input.address);
      return accounts.unlock(input);
    },
    lock({ address }, { caller }) {
      assertCovers(caller, address);
      return accounts.lock(address);
    },
    changePassword(input, { caller }) {
      assertAdmin(caller);
      return accounts.changePassword(input);
    },
    sign: ({ address, tx }, { caller }) => signTransaction(deps, { address, tx, caller }),
    sponsor: (input, { caller }) => sponsorTransaction(deps, { ...input, caller }),
    exportAccount({ address }, { caller }) {
      assertAdmin(caller);
      return accounts.exportKeystore(address);
    },
    importFile(input, { caller }) {
      assertAdmin(caller);
      return accounts.importFile(input);
    },
  };
}

type TokenCalls = 'createToken' | 'listTokens' | 'deleteToken';

function tokenHandlers({
  store,
  clock,
}: {
  readonly store: WalletStore;
  readonly clock: Clock;
}): Pick<WalletHandlers, TokenCalls> {
  return {
    createToken({ label, scopes }, { caller }) {
      assertAdmin(caller);
      const { tokenId, token } = freshToken();
      const hash = hashOfToken(token);
      store.tokens.add({ tokenId, label, hash, scopes, createdAtMs: clock.nowMs() });
      return { tokenId, token };
    },
    listTokens(_input, { caller }) {
      assertAdmin(caller);
      const day = dayOf(clock.nowMs());
      const tokens = store.tokens.list().map(({ hash: _hash, ...row }) => {
        return { ...row, spentToday: store.spending.of(row.tokenId, day).toString() };
      });
      return { tokens };
    },
    deleteToken({ tokenId }, { caller }) {
      assertAdmin(caller);
      if (tokenId === adminTokenId) {
        throw new AppError('FORBIDDEN', {
          reason: 'to replace the admin token, delete admin.token and restart the wallet',
        });
      }
      if (!store.tokens.remove(tokenId)) {
        throw new AppError('NOT_FOUND', { what: `token ${tokenId}` });
      }
      return {};
    },
  };
}

function logHandlers(store: WalletStore): Pick<WalletHandlers, 'log'> {
  return {
    log({ before, address }, { caller }) {
      assertReads(caller);
      if (address !== undefined) assertCovers(caller, address);
      const covered = caller.scopes.admin ? undefined : caller.scopes.accounts;
      const addresses = address === undefined ? covered : [address];
      const limit = limits.pageSize;
      const entries = store.log.page({ before, addresses, limit });
      const last = entries.at(-1);
      return { entries, next: entries.length === limit && last ? last.number : null };
    },
  };
}
