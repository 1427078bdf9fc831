/** Final blocks of a lone validator, made in memory: what a store is given, with real states and certificates. */
import {
  buildBlock,
  createStateTree,
  encodeBody,
  genesisBlock,
  genesisWrites,
  type StateKey,
  type StateReader,
  type StateTree,
} from '@aitbc/chain';
import {
  type BlockHeader,
  type Certificate,
  encodeCertificate,
  type Hex,
  type SignedTx,
  signVote,
  voteKinds,
} from '@aitbc/protocol';
import type { BlockToStore } from '../storage/store.ts';
import { actor, faucetActor, type TestFolder, transfer, validatorActor } from './test-node.ts';

/** A block as a store and a snapshot need it. */
export interface MadeBlock extends BlockToStore {
  readonly header: BlockHeader;
  readonly hash: Hex;
  readonly txs: readonly SignedTx[];
  readonly final: Certificate;
}

/** Makes one block after the other. */
export interface ChainMaker {
  /** State after the last block that was made. */
  readonly reader: StateReader;
  readonly tree: StateTree;
  /** The next block with so many transfers to new accounts, proven by its own certificate. */
  make(transfers: number): MadeBlock;
  /** Several blocks, all final by the certificate of the last one. */
  makeTogether(counts: readonly number[]): MadeBlock[];
}

/** Blocks on top of the genesis block of a test folder. */
export function createChainMaker({ genesis, network }: TestFolder): ChainMaker {
  const { header, hash } = genesisBlock(genesis);
  const state = new Map<StateKey, Uint8Array>(genesisWrites(genesis));
  const reader: StateReader = { get: (key) => state.get(key) };
  const tree = createStateTree(genesisBlock(genesis).writes);
  let parent = { header, hash };
  let nonce = 0;

  const nextTx = (): SignedTx => {
    const to = actor(1 + (nonce % 40)).publicKey;
    nonce += 1;
    return transfer(network, faucetActor, { to, amount: 1_000n, nonce: nonce - 1 });
  };
  const build = (transfers: number): Omit<MadeBlock, 'certificate' | 'final'> => {
    const ground = { reader, tree, network, params: genesis.params };
    const view = parent.header.view + 1;
    const timeMs = parent.header.timeMs + 5;
    const candidates = Array.from({ length: transfers }, nextTx);
    const block = buildBlock({
      ...{ ...ground, parent: parent.header, parentHash: parent.hash, view, timeMs, candidates },
      proposer: validatorActor.publicKey,
    });
    const newFrom = tree.size();
    tree.commit(block.writes);
    for (const [key, value] of block.writes) state.set(key, value);
    parent = block;
    const { height } = block.header;
    const txIds = block.txs.map(({ txId }) => txId);
    const indexOf = (key: StateKey) => tree.indexOf(key);
    const { receipts, writes } = block;
    const changes = { height, view, hash: block.hash, txIds, receipts, writes, indexOf, newFrom };
    return { ...block, body: encodeBody(block), changes };
  };
  const certify = ({ header: { epoch, view }, hash: blockHash }: typeof parent): Certificate => {
    const vote = { kind: 'finalize', epoch, view, blockHash, validator: 0 } as const;
    const { signature } = signVote(network, vote, validatorActor.keys.secretKey);
    const votes = [{ validator: 0, signature }];
    return { kind: voteKinds.finalize, epoch, view, blockHash, votes };
  };
  const makeTogether = (counts: readonly number[]): MadeBlock[] => {
    const blocks = counts.map(build);
    const final = certify(parent);
    return blocks.map((block) => ({ ...block, final, certificate: encodeCertificate(final) }));
  };
  return {
    reader,
    tree,
    make: (transfers) => makeTogether([transfers])[0] as MadeBlock,
    makeTogether,
  };
}
