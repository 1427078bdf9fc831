/**
 * Brings evidence to the chain: a transaction of this node's own account, without an order, sent through its
 * own mempool. Each validator is reported once in an epoch; others will report it too, and the
 * chain takes the first.
 */
import {
  type Evidence,
  evidenceBodyOf,
  expiringLane,
  type Hex,
  limits,
  messageOf,
  signTx,
  type UnsignedTx,
} from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { Identity } from '../setup/key-file.ts';
import type { LiveChain } from './live-chain.ts';
import type { OpenedChain } from './open-chain.ts';

/** Parts of a sender. */
export interface EvidenceSenderDeps {
  readonly opened: Pick<OpenedChain, 'network'>;
  readonly identity: Identity;
  readonly log: Log;
}

/** Sends evidence. */
export interface EvidenceSender {
  send(evidence: Evidence, live: Pick<LiveChain, 'admission' | 'nextBlock'>): void;
}

/** A sender that has reported nobody yet. */
export function createEvidenceSender({
  opened,
  identity,
  log,
}: EvidenceSenderDeps): EvidenceSender {
  const reported = new Set<Hex>();
  return {
    send(evidence, { admission, nextBlock }) {
      const { validator, first } = evidence;
      const name = `${validator}:${first.epoch}`;
      log.warn(
        { validator, epoch: first.epoch, view: first.view },
        'a validator contradicts itself',
      );
      if (reported.has(name)) return;
      reported.add(name);
      const { height, params } = nextBlock();
      const tx = {
        kind: 'evidence_submit',
        chain: opened.network.chain,
        lane: expiringLane,
        nonce: first.epoch,
        validUntil: height + limits.expiringHorizonBlocks - 1,
        from: identity.publicKey,
        fee: BigInt(params.fees.evidence_submit),
        body: evidenceBodyOf(evidence),
      } as const satisfies UnsignedTx;
      const { bytes } = signTx(opened.network, tx, identity.keys.secretKey);
      void admission.admit(bytes).then((verdict) => {
        if (verdict.ok) return;
        const reason = messageOf(verdict.code, verdict.facts);
        log.warn({ validator, reason }, 'the evidence was not taken by the own mempool');
      });
    },
  };
}
