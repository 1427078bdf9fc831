/**
 * The chain of a market run: one real ledger that makes blocks at random times out of a real mempool, at the endpoint of
 * the node that everybody talks to. Agreement is not in here (level `whole` has it): what is final is final. A crash of
 * the node costs what waited in its mempool; while it is down nothing gets into a block.
 */
import {
  type BuiltBlock,
  createMempool,
  feeFloorOf,
  type Mempool,
  paramsOf,
  type StateKey,
  type StateReader,
  validatorSetOf,
} from '@aitbc/chain';
import { type BlockHeader, type Hex, type SignedTx, verifyTx, zeroHash } from '@aitbc/protocol';
import { createView, type View } from '../../commerce/view.ts';
import type { Random } from '../../engine/random.ts';
import type { World } from '../../engine/world.ts';
import { feeNait, genesisTimeMs } from '../../whole/ground.ts';
import { type MarketGround, nodeEndpoint, type Party } from '../ground.ts';
import type { ChainNews, MarketMessage } from '../messages.ts';
import type { Rules } from '../rules.ts';

/** A block as the observer gets it. */
export interface LedgerBlock {
  readonly header: BlockHeader;
  readonly block: BuiltBlock;
}

export interface LedgerParts {
  readonly ground: MarketGround;
  readonly world: World<MarketMessage>;
  readonly random: Random;
  readonly rules: Rules;
  readonly onBlock: (block: BuiltBlock, ledger: Ledger) => void;
}

export interface Ledger {
  readonly state: ReadonlyMap<StateKey, Uint8Array>;
  readonly view: View;
  readonly counts: { readonly final: number; readonly refused: number; readonly dropped: number };
  head(): BlockHeader;
  hash(): Hex;
  /** Makes a block of these and of what waits; the clock may be set forward. */
  makeBlock(timeMs: number, txs?: readonly SignedTx[]): BuiltBlock;
  submit(tx: SignedTx): void;
  answer(to: number, askedMs: number): void;
  /** Next nonce of an account after what waits here. */
  pendingNonce(account: Hex): number;
  /** The node starts again: what waited is gone. */
  restart(): void;
  nowMs(): number;
}

interface Chain {
  readonly parts: LedgerParts;
  readonly state: Map<StateKey, Uint8Array>;
  readonly reader: StateReader;
  readonly view: View;
  readonly counts: { final: number; refused: number; dropped: number };
  mempool: Mempool;
  head: BlockHeader;
  hash: Hex;
}

const noTree = { rootAfter: () => zeroHash };
const blockTxs = { maxCount: 200, maxBytes: 1_000_000 };

/** The ledger at its genesis. */
export function createLedger(parts: LedgerParts): Ledger {
  const { ground, world } = parts;
  const { first, network, genesis } = ground;
  const state = new Map<StateKey, Uint8Array>(first.writes);
  const view = createView();
  view.take(first.writes);
  const freshPool = (): Mempool => createMempool({ network, params: genesis.params });
  const chain: Chain = {
    parts,
    state,
    reader: { get: (key) => state.get(key) },
    view,
    counts: { final: 0, refused: 0, dropped: 0 },
    mempool: freshPool(),
    head: first.header,
    hash: first.hash,
  };
  const ledger: Ledger = {
    state,
    view,
    counts: chain.counts,
    head: () => chain.head,
    hash: () => chain.hash,
    nowMs: () => genesisTimeMs + Math.floor(world.nowUs() / 1000),
    makeBlock(timeMs, txs = []) {
      const block = makeBlock(chain, timeMs, txs);
      parts.onBlock(block, ledger);
      for (const party of ground.parties) tell(chain, party, newsOf(chain, party, block.writes));
      return block;
    },
    submit: (tx) => submit(chain, tx),
    answer(to, askedMs) {
      const party = ground.parties.find(({ endpoint }) => endpoint === to);
      if (party) tell(chain, party, { ...newsOf(chain, party), askedMs });
    },
    pendingNonce: (account) =>
      chain.mempool.pendingNonce(account, view.get('account', account)?.nonce ?? 0),
    restart() {
      chain.mempool = freshPool();
    },
  };
  return ledger;
}

function submit(chain: Chain, tx: SignedTx): void {
  const { network } = chain.parts.ground;
  const params = paramsOf(chain.reader, chain.parts.ground.genesis.params);
  const next = { height: chain.head.height + 1, params };
  const isTaken = chain.mempool.check(tx, chain.reader, next).ok && verifyTx(network, tx);
  if (isTaken) chain.mempool.add(tx);
  else chain.counts.refused += 1;
}

function makeBlock(chain: Chain, timeMs: number, txs: readonly SignedTx[]): BuiltBlock {
  const { ground, random, rules } = chain.parts;
  const { network, genesis } = ground;
  const set = validatorSetOf(network, chain.reader);
  const params = paramsOf(chain.reader, genesis.params);
  const begins = chain.head.height % params.epochBlocks === 0;
  const view = (begins ? 0 : chain.head.view) + 1 + (random.chance(0.05) ? 1 : 0);
  const block = rules.buildBlock({
    reader: chain.reader,
    tree: noTree,
    parent: chain.head,
    parentHash: chain.hash,
    network,
    params: genesis.params,
    view,
    timeMs,
    proposer: set.validators[set.leaderOf(view)]?.publicKey ?? zeroHash,
    candidates: [...txs, ...chain.mempool.candidates(blockTxs)],
  });
  for (const [key, value] of block.writes) chain.state.set(key, value);
  chain.view.take(block.writes);
  chain.head = block.header;
  chain.hash = block.hash;
  chain.counts.final += block.txs.length;
  chain.counts.dropped += block.refused.length;
  chain.mempool.remove(block.refused.map(({ tx }) => tx.txId));
  chain.mempool.settle({ ...block.header, txs: block.txs, writes: block.writes }, chain.reader);
  chain.mempool.recheck(
    block.refused.map(({ tx }) => tx.from),
    chain.reader,
  );
  return block;
}

/** What a party gets to know: of one block, or all of it. */
function newsOf(
  { view, head }: Chain,
  { person, hotKey }: Party,
  writes?: ReadonlyMap<StateKey, Uint8Array>,
): ChainNews {
  const isMine = ({ payer, receiver }: { payer: Hex; receiver: Hex }): boolean =>
    payer === person.id || receiver === person.id;
  const channels = [...view.all('channel').values()].filter(
    (channel) => isMine(channel) && (!writes || writes.has(`c${channel.channelId}`)),
  );
  const keys = new Set([hotKey.id]);
  for (const channel of view.all('channel').values()) {
    if (isMine(channel)) keys.add(channel.payerAuthorizer);
  }
  const mandates = [...view.all('mandate')]
    .filter(([id, { subKey }]) => keys.has(subKey) && (!writes || writes.has(`m${id}`)))
    .map(([, mandate]) => mandate);
  const vault = view.get('account', person.id)?.vault ?? 0n;
  const { height, timeMs } = head;
  return { type: 'news', height, timeMs, isWhole: !writes, channels, mandates, vault };
}

function tell({ parts }: Chain, { endpoint }: Party, news: ChainNews): void {
  if (parts.world.isUp(nodeEndpoint)) parts.world.send(nodeEndpoint, endpoint, news);
}

/** A fee that is enough whatever was voted. */
export function feeOfTx(ground: MarketGround, tx: Parameters<typeof feeFloorOf>[1]): bigint {
  return feeFloorOf(ground.genesis.params, tx) + feeNait;
}
