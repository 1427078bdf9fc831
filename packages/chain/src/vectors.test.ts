/**
 * Golden vectors: the bytes of one transaction of each kind and in each envelope, the genesis block and the next one. If this
 * test fails, old transactions, blocks or proofs are not valid any more: that is a new version of the
 * chain and not a new snapshot.
 */
import { hex } from '@aitbc/primitives';
import { encodeHeader, networkFromGenesis, txToJson, verifyTx } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { encodeBody } from './body.ts';
import { genesisBlock } from './genesis.ts';
import { encodeReceipt } from './receipt.ts';
import { oneOfEach, oneOfEachEnvelope } from './testing/one-of-each.ts';
import { actorOf, createWorld, genesisOf } from './testing/world.ts';

const asFile = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

describe('golden vectors', () => {
  it('of transactions', async () => {
    const network = networkFromGenesis(genesisOf(3));
    const rows = [...oneOfEach(network), ...oneOfEachEnvelope(network)].map((tx) => {
      expect(verifyTx(network, tx)).toBe(true);
      return { bytes: hex(tx.bytes), tx: txToJson(tx) };
    });
    const file = asFile({ genesisHash: network.genesisHash, transactions: rows });
    await expect(file).toMatchFileSnapshot('../vectors/transactions.json');
  });

  it('of blocks', async () => {
    const genesis = genesisOf(3);
    const first = genesisBlock(genesis);
    const world = createWorld(3);
    const body = { to: actorOf(2).id, amount: 1_500n, memo: '' };
    const block = world.build([world.tx('transfer', actorOf(1), body)]);
    const describeBlock = (header: typeof first.header, hash: string) => ({
      hash,
      headerBytes: hex(encodeHeader(header)),
      header,
    });
    const file = asFile({
      genesis,
      genesisHash: world.network.genesisHash,
      genesisBlock: describeBlock(first.header, first.hash),
      nextBlock: {
        ...describeBlock(block.header, block.hash),
        bodyBytes: hex(encodeBody(block)),
        receipts: block.receipts.map((receipt) => hex(encodeReceipt(receipt))),
        writes: Object.fromEntries([...block.writes].map(([key, value]) => [key, hex(value)])),
      },
    });
    await expect(file).toMatchFileSnapshot('../vectors/blocks.json');
  });
});
