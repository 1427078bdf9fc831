/** When a provider claims what is due: now and then, and at once when a payer withdraws. One claim is under way at a time. */
import { hex, sign } from '@aitbc/primitives';
import { type ClaimRow, claimBytes, limits } from '@aitbc/protocol';
import type { Shop } from './provider.ts';

export interface Claims {
  start(everyMs: number): void;
  /** The chain was heard of. */
  look(): void;
  claim(isForced?: boolean): void;
}

const patienceBlocks = 3;

/** The claims of one life. */
export function createClaims(shopOf: () => Shop): Claims {
  let sentAtHeight = Number.NEGATIVE_INFINITY;
  const claims: Claims = {
    start(everyMs) {
      const { world, party, random } = shopOf();
      world.after(party.endpoint, everyMs * (0.5 + random.unit()), () => {
        claims.claim();
        claims.start(everyMs);
      });
    },
    look() {
      const { books, conduct } = shopOf();
      if (!conduct.habits.claimsOnWithdrawal) return;
      for (const { channel } of books.values()) {
        if (channel.withdrawDueMs > 0) return claims.claim();
      }
    },
    claim(isForced = false) {
      const { books, conduct, link, commits } = shopOf();
      if (!isForced && link.height() < sentAtHeight + patienceBlocks) return;
      const rows = [...books.values()]
        .flatMap((record) => conduct.rules.claimRowOf(record) ?? [])
        .slice(0, limits.claimRows);
      if (rows.length === 0) return;
      sentAtHeight = link.height();
      // Behind each nait on the chain stands a receipt on the disk.
      if (conduct.habits.claimsFromDisk) commits.written(() => send(shopOf(), rows));
      else send(shopOf(), rows);
    },
  };
  return claims;
}

function send({ link, party, ground, onMoment }: Shop, rows: ClaimRow[]): void {
  const { person } = party;
  const authorizerSignature = hex(sign(claimBytes(ground.network, rows), person.secretKey));
  const body = { receiverAuthorizer: person.id, rows, authorizerSignature };
  link.send(person, 'channel_claim', body);
  onMoment();
}
