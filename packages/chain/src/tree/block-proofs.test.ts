import { sha256 } from '@aitbc/primitives';
import {
  type AbsenceProof,
  accountOfValue,
  bytes32,
  type PresenceProof,
  unwrap,
  verifyAbsence,
  verifyListItem,
  verifyPresence,
} from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { accountKey } from '../entries.ts';
import { encodeReceipt } from '../receipt.ts';
import { actorOf, createWorld } from '../testing/world.ts';
import { proveListItem } from './hash-list.ts';

describe('a block', () => {
  it('proves its transactions, its receipts and the state after it', () => {
    const world = createWorld(4);
    const to = actorOf(77);
    const block = world.build(
      [1, 2, 3].map((seed) =>
        world.tx('transfer', actorOf(seed), { to: to.id, amount: 500n, memo: '' }),
      ),
    );
    world.commit(block);
    const { txRoot, receiptRoot, stateRoot } = block.header;
    const ids = block.txs.map(({ txId }) => bytes32(txId));
    const receipts = block.receipts.map((receipt) => sha256(encodeReceipt(receipt)));
    for (const index of [0, 1, 2]) {
      const [id, receipt] = [ids[index] as Uint8Array, receipts[index] as Uint8Array];
      expect(verifyListItem(txRoot, id, proveListItem(ids, index))).toBe(true);
      expect(verifyListItem(receiptRoot, receipt, proveListItem(receipts, index))).toBe(true);
    }
    const key = accountKey(to.id);
    const value = world.state.get(key) as Uint8Array;
    const proof = world.tree.proofOf(key) as PresenceProof;
    expect(verifyPresence(stateRoot, { key, value }, proof)).toBe(true);
    expect(unwrap(accountOfValue(value)).balance).toBe(1_500n);
    const unknown = accountKey(actorOf(78).id);
    const absence = world.tree.proofOf(unknown) as AbsenceProof;
    expect(verifyAbsence(stateRoot, unknown, absence)).toBe(true);
  });
});
