/** What tests send and look at. */
import { accountOf } from '@aitbc/chain';
import type { SignedTx } from '@aitbc/protocol';
import { actorOf, txOf } from './actors.ts';
import type { Net } from './net.ts';
import type { TestNode } from './node.ts';

const receiver = actorOf(99).id;

/** Transfers of one nait to one receiver. */
export function transfers(
  net: Net,
  of: { from?: number; nonce?: number; count?: number } = {},
): SignedTx[] {
  const { from = 1, nonce = 0, count = 1 } = of;
  const body = { to: receiver, amount: 1n, memo: '' };
  return Array.from({ length: count }, (_, at) =>
    txOf(net.network, { from: actorOf(from), nonce: nonce + at, kind: 'transfer', body }),
  );
}

/** What the receiver has by the final state of a node, nait. */
export function received({ replica }: TestNode): bigint {
  return accountOf(replica.reader, receiver).balance;
}

/** True when the receiver has the amount everywhere. */
export function haveAll(nodes: readonly TestNode[], amount: number): boolean {
  return nodes.every((node) => received(node) === BigInt(amount));
}

/** Height of the head of a node. */
export function heightOf({ replica }: TestNode): number {
  return replica.head().header.height;
}

/** Heights at which two nodes have different final blocks: never any. */
export function forksOf(nodes: readonly TestNode[]): number[] {
  const forks: number[] = [];
  const longest = Math.max(...nodes.map(({ disk }) => disk.blocks.length));
  for (let at = 0; at < longest; at += 1) {
    const hashes = nodes.map(({ disk }) => disk.blocks[at]?.hash).filter((hash) => hash);
    if (new Set(hashes).size > 1) forks.push(at + 1);
  }
  return forks;
}

/** Pairs of votes of one node that an honest validator never signs both: never any. */
export function doubleVotesOf({ disk }: TestNode): string[] {
  const named = new Map<string, string>();
  const pairs: string[] = [];
  for (const { kind, epoch, view, blockHash } of disk.votes) {
    const round = `${epoch}:${view}`;
    const before = named.get(`${kind}:${round}`);
    if (before !== undefined && before !== blockHash) pairs.push(`${kind} ${round}`);
    named.set(`${kind}:${round}`, blockHash);
  }
  for (const key of named.keys()) {
    const round = key.slice(key.indexOf(':') + 1);
    if (!key.startsWith('nullify') || !named.has(`finalize:${round}`)) continue;
    pairs.push(`nullify and finalize ${round}`);
  }
  return pairs;
}

/** What a node reported of a type. */
export function reportsOf<T extends TestNode['reports'][number]['type']>(
  { reports }: TestNode,
  type: T,
): Extract<TestNode['reports'][number], { type: T }>[] {
  return reports.filter(
    (report): report is Extract<TestNode['reports'][number], { type: T }> => report.type === type,
  );
}
