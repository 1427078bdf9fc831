/**
 * Keeps what detectors need of each final block: transfers and funded channels. A transaction that this version cannot read
 * (a node that is newer may have other operations in a batch) is left out and told: the chain does not stop for it.
 */
import { chainFactsOf } from '@aitbc/market';
import { AppError, type ChainFact, type Network } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { FinalTx } from '../chain/block-source.ts';
import type { BlockConsumer } from '../chain/follow-blocks.ts';
import type { FactRows, NewFact } from '../store/surveillance/fact-rows.ts';

/** What the reader is made with. */
export interface FollowFactsDeps {
  readonly rows: Pick<FactRows, 'insert'>;
  readonly log: Log;
  network(): Network;
}

/** Smaller transfers tie nobody and bring nothing back: 0.0001 AIT. */
const transferMinNait = 100_000n;

/** The reader of blocks. */
export function followFacts({ rows, log, network }: FollowFactsDeps): BlockConsumer {
  const read = ({ id: txId, tx }: FinalTx): ChainFact[] => {
    try {
      return chainFactsOf(network(), tx);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'BAD_REQUEST') throw error;
      log.warn({ txId, reason: error.message }, 'a transaction could not be read');
      return [];
    }
  };
  return {
    name: 'surveillance',
    async onBlock({ height, timeMs: atMs, txs }) {
      const facts = txs.flatMap((tx): NewFact[] =>
        read(tx)
          .map((one, place) => ({ txId: tx.id, place, height, atMs, facts: one }))
          .filter(({ facts: one }) => isKept(one)),
      );
      await rows.insert(facts);
    },
  };
}

function isKept(fact: ChainFact): boolean {
  return fact.kind !== 'transfer' || BigInt(fact.amount) >= transferMinNait;
}
