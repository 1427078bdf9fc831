/**
 * What must hold whatever happens: nodes agree on every block, what was final once stays final, nothing
 * that was acknowledged is lost, and no coin appears or vanishes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Acknowledged } from './load.ts';
import { call, callAll, headOf, until } from './rpc.ts';
import type { ValidatorNet } from './validator-net.ts';

const watchMs = 40;
const pageSize = 100;
const batchSize = 50;

/** Writes down what nodes call final, while things happen to them. */
export interface Watch {
  /** Hash by height, from all nodes. */
  readonly seen: ReadonlyMap<number, string>;
  /** Two hashes at one height. */
  readonly conflicts: readonly string[];
  /** Height of the highest block seen. */
  top(): number;
  stop(): Promise<void>;
}

/** Looks at the heads of all awake nodes, again and again. */
export function startWatch(net: ValidatorNet): Watch {
  const seen = new Map<number, string>();
  const conflicts: string[] = [];
  let isStopped = false;
  const look = async (at: number): Promise<void> => {
    const head = await headOf(net.url(at));
    if (!head) return;
    const known = seen.get(head.height) ?? head.blockHash;
    seen.set(head.height, known);
    if (known !== head.blockHash) conflicts.push(`${head.height}: ${known} ${head.blockHash}`);
  };
  const running = (async () => {
    while (!isStopped) {
      await Promise.all(net.awake().map(look));
      await sleep(watchMs);
    }
  })();
  return {
    seen,
    conflicts,
    top: () => Math.max(0, ...seen.keys()),
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

/** What is known to be final. */
export interface Ledger {
  readonly acknowledged: readonly Acknowledged[];
  readonly watch: Watch;
  /** First block of nodes that joined by a snapshot; of the others it is the genesis block. */
  readonly begins: ReadonlyMap<number, number>;
}

/** Waits until all nodes have one head, at this height or above. */
export async function sharedHead(net: ValidatorNet, height: number, timeoutMs = 60_000) {
  let last = '';
  try {
    return await until(
      'all nodes have one head',
      async () => {
        const heads = await Promise.all(net.awake().map((at) => headOf(net.url(at))));
        last = heads.map((head) => head?.height ?? 'gone').join(', ');
        const [first] = heads;
        const isOne = heads.every(
          (head) => head?.blockHash === first?.blockHash && head?.stateRoot === first?.stateRoot,
        );
        return first !== undefined && isOne && first.height >= height && first;
      },
      timeoutMs,
    );
  } catch (error) {
    throw new Error(`the heads are at ${last}; at least ${height} was expected`, { cause: error });
  }
}

/** Compares all nodes block by block, and with what was seen and acknowledged. Counts what it compared. */
export async function checkAgreement(
  net: ValidatorNet,
  { acknowledged, watch, begins }: Ledger,
): Promise<{ readonly blocks: number; readonly acknowledged: number }> {
  const { height } = await sharedHead(net, watch.top());
  expect(watch.conflicts, 'no height had two final blocks').toEqual([]);
  const beginOf = (at: number): number => begins.get(at) ?? 0;
  const [first = 0, ...others] = net.awake().sort((a, b) => beginOf(a) - beginOf(b));
  const chain = await hashesOf(net.url(first), height);
  for (const at of others) {
    const hashes = await hashesOf(net.url(at), height);
    const [own, beginning] = [chain.slice(beginOf(at)), hashes.findIndex((hash) => hash)];
    expect(beginning, `the first block of node ${at + 1}`).toBe(beginOf(at));
    expect(hashes.slice(beginning), `blocks of node ${at + 1}`).toEqual(own);
  }
  for (const [at, hash] of watch.seen) {
    if (at <= height) expect(chain[at], `block ${at} stays`).toBe(hash); // later ones came since
  }
  for (const at of net.awake()) await checkAcknowledged(net.url(at), acknowledged, beginOf(at));
  for (const at of net.awake()) await checkCoins(net.url(at));
  return { blocks: height, acknowledged: acknowledged.length };
}

async function checkCoins(url: string): Promise<void> {
  const audit = await call(url, 'state_audit');
  const supply = BigInt(audit.supply) + BigInt(audit.burned);
  expect(audit.problems).toEqual([]);
  expect(supply, 'supply of the genesis').toBe(BigInt(audit.genesisSupply));
}

/** Hashes of all blocks of a node, by height; nothing below the first one that it has. */
async function hashesOf(url: string, height: number): Promise<string[]> {
  const hashes: string[] = [];
  for (let from: number | null = height; from !== null; ) {
    const page: Page = await call(url, 'chain_listBlocks', { from, limit: pageSize });
    for (const { hash, header } of page.blocks) hashes[header.height] = hash;
    from = page.next;
  }
  return hashes;
}

interface Page {
  readonly blocks: readonly { readonly hash: string; readonly header: { height: number } }[];
  readonly next: number | null;
}

/** A node knows all of them, except those in blocks before its first one. */
async function checkAcknowledged(
  url: string,
  all: readonly Acknowledged[],
  begin: number,
): Promise<void> {
  for (let from = 0; from < all.length; from += batchSize) {
    const part = all.slice(from, from + batchSize);
    const told = await callAll(
      url,
      'tx_get',
      part.map(({ txId }) => ({ txId })),
    );
    const found = told.map((answer) => [answer?.status, answer?.blockHash]);
    const expected = part.map(({ blockHash, height }) =>
      height < begin ? [undefined, undefined] : ['final', blockHash],
    );
    expect(found).toEqual(expected);
  }
}
