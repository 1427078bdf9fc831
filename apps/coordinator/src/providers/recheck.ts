/** Looks at the chain again for providers that stay connected: bonds can be withdrawn and keys changed. */
import type { Clock } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { ChainLink } from '../chain/chain-link.ts';
import { assertInOrder } from './check-login.ts';
import type { Session, Sessions } from './sessions.ts';

/** Parts of the recheck. */
export interface RecheckDeps {
  readonly chain: ChainLink;
  readonly clock: Clock;
  readonly log: Log;
  readonly sessions: Sessions;
}

const recheckEveryMs = 60_000;
const checksPerRound = 16; // keeps the load on the node even when thousands are due

/** Checks the sessions that are due; refuses those whose provider is no longer in order. */
export async function recheckProviders({
  chain,
  clock,
  log,
  sessions,
}: RecheckDeps): Promise<void> {
  const nowMs = clock.nowMs();
  const due = [...sessions.all()].filter(
    ({ checkedAtMs }) => nowMs - checkedAtMs >= recheckEveryMs,
  );
  await Promise.all(
    due.slice(0, checksPerRound).map(async (session) => {
      session.checkedAtMs = nowMs;
      try {
        await recheck(chain, session);
      } catch (error) {
        if (!(error instanceof AppError) || error.row.retryable) {
          log.warn({ err: error, provider: session.provider }, 'provider not checked again');
          return;
        }
        sessions.end(session);
        session.line.refuse(error);
      }
    }),
  );
}

async function recheck(chain: ChainLink, { provider, authorizer }: Session): Promise<void> {
  const registration = await chain.registration(provider);
  if (!registration) throw new AppError('PROVIDER_UNKNOWN', { account: provider });
  if (registration.authorizer !== authorizer) {
    throw new AppError('CHALLENGE_INVALID', { account: provider });
  }
  assertInOrder(chain, provider, registration);
}
