/**
 * A party's view of the chain, and how it sends transactions: in the expiring lane, because nothing comes in order here.
 * News with a gap before it are dropped and all is asked for anew. As fresh as the newest block that was heard of in
 * order, or the newest question that was answered.
 */
import {
  type ChannelState,
  expiringLane,
  type Hex,
  type Mandate,
  mandateFromJson,
  mandateToJson,
  signTx,
  type TxBody,
  type TxKind,
  type UnsignedTx,
} from '@aitbc/protocol';
import type { Person } from '../../commerce/scene.ts';
import type { Random } from '../../engine/random.ts';
import type { World } from '../../engine/world.ts';
import { type MarketGround, nodeEndpoint } from '../ground.ts';
import type { ChainNews, MarketMessage } from '../messages.ts';
import { feeOfTx } from './ledger.ts';

export interface LinkParts {
  readonly world: World<MarketMessage>;
  readonly ground: MarketGround;
  readonly endpoint: number;
  readonly random: Random;
  readonly onChannel: (channel: ChannelState) => void;
  /** News were taken in. */
  readonly onHeard: () => void;
}

export interface ChainLink {
  hear(news: ChainNews): void;
  /** Asks for everything, now and then again. */
  start(everyMs: number): void;
  ask(): void;
  ageMs(): number;
  height(): number;
  timeMs(): number;
  vault(): bigint;
  mandateOf(owner: Hex, subKey: Hex): Mandate | undefined;
  send<K extends TxKind>(from: Person, kind: K, body: TxBody<K>): void;
}

const aliveBlocks = 30;

/** A link of one life. */
export function createChainLink(parts: LinkParts): ChainLink {
  const { world, endpoint } = parts;
  const nowMs = (): number => world.clockMs(endpoint);
  const state = { height: -1, timeMs: 0, freshMs: Number.NEGATIVE_INFINITY, vault: 0n };
  const mandates = new Map<string, Mandate>();
  const ask = (): void => world.send(endpoint, nodeEndpoint, { type: 'ask', askedMs: nowMs() });
  const link: ChainLink = {
    hear(news) {
      if (news.height < state.height) return;
      const isNext = news.isWhole || news.height === state.height + 1;
      if (!isNext) {
        if (news.height > state.height + 1) ask();
        return;
      }
      Object.assign(state, { height: news.height, timeMs: news.timeMs, vault: news.vault });
      state.freshMs = news.isWhole ? (news.askedMs ?? state.freshMs) : nowMs();
      for (const entry of news.mandates) {
        mandates.set(entry.owner + entry.subKey, mandateFromJson(mandateToJson(entry)));
      }
      for (const channel of news.channels) parts.onChannel(channel);
      parts.onHeard();
    },
    start(everyMs) {
      ask();
      world.after(endpoint, everyMs, () => link.start(everyMs));
    },
    ask,
    ageMs: () => nowMs() - state.freshMs,
    height: () => state.height,
    timeMs: () => state.timeMs,
    vault: () => state.vault,
    mandateOf: (owner, subKey) => mandates.get(owner + subKey),
    send(from, kind, body) {
      const { network } = parts.ground;
      const unsigned = {
        kind,
        chain: network.chain,
        nonce: parts.random.below(2 ** 31),
        lane: expiringLane,
        validUntil: state.height + aliveBlocks,
        from: from.id,
        fee: 0n,
        body,
      } as unknown as UnsignedTx;
      const tx = { ...unsigned, fee: feeOfTx(parts.ground, unsigned) } as UnsignedTx;
      world.send(endpoint, nodeEndpoint, { type: 'tx', tx: signTx(network, tx, from.secretKey) });
    },
  };
  return link;
}
