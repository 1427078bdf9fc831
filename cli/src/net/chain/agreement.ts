/**
 * What must hold for a chain whatever happens: nodes agree on every block, what was final once stays
 * final, nothing that was acknowledged is lost, and no coin appears or vanishes. Each check gives what is
 * broken in words.
 */
import type { Acknowledged } from './load.ts';
import { call, callAll, headOf, until } from './rpc.ts';
import type { Watch, Watched } from './watch.ts';

const pageSize = 100;
const batchSize = 50;

/** What is known to be final. */
export interface Ledger {
  readonly acknowledged: readonly Acknowledged[];
  readonly watch: Pick<Watch, 'seen' | 'conflicts' | 'top'>;
  /** First block of nodes that joined by a snapshot; of the others it is the genesis block. */
  readonly begins: ReadonlyMap<number, number>;
}

/** What was compared, and what does not hold. */
export interface Agreement {
  /** Height up to which all nodes were compared. */
  readonly blocks: number;
  /** Nodes whose blocks differ. */
  readonly chains: readonly string[];
  /** Blocks seen as final that are none, and two final ones at one height. */
  readonly finality: readonly string[];
  /** Acknowledged transactions that a node does not know as final in their block. */
  readonly lost: readonly string[];
  /** Audits of the coins that found something. */
  readonly coins: readonly string[];
}

/** Waits until all nodes have one head, at this height or above. */
export async function sharedHead(nodes: Watched, height: number, timeoutMs = 60_000) {
  let last = '';
  try {
    return await until(
      'all nodes have one head',
      async () => {
        const heads = await Promise.all(nodes.awake().map((at) => headOf(nodes.url(at))));
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

/** Compares all nodes block by block, and with what was seen and acknowledged. */
export async function compareNodes(nodes: Watched, ledger: Ledger): Promise<Agreement> {
  const { acknowledged, watch, begins } = ledger;
  const { height } = await sharedHead(nodes, watch.top());
  const beginOf = (at: number): number => begins.get(at) ?? 0;
  const [first = 0, ...others] = nodes.awake().sort((a, b) => beginOf(a) - beginOf(b));
  const chain = await hashesOf(nodes.url(first), height);
  const chains: string[] = [];
  for (const at of others) {
    const hashes = await hashesOf(nodes.url(at), height);
    chains.push(...differences(chain, { hashes, at, begin: beginOf(at) }));
  }
  const finality = watch.conflicts.map((conflict) => `two final blocks at ${conflict}`);
  for (const [at, hash] of watch.seen) {
    if (at > height || chain[at] === hash) continue; // later ones came since
    finality.push(`block ${at} was ${hash} and is ${chain[at]}`);
  }
  const [lost, coins]: [string[], string[]] = [[], []];
  for (const at of nodes.awake()) {
    lost.push(...(await lostAt(nodes.url(at), acknowledged, beginOf(at))));
    coins.push(...(await coinsWrongAt(nodes.url(at))));
  }
  return { blocks: height, chains, finality, lost, coins };
}

interface NodeBlocks {
  readonly hashes: readonly string[];
  readonly at: number;
  readonly begin: number;
}

function differences(chain: readonly string[], { hashes, at, begin }: NodeBlocks): string[] {
  const name = `node ${at + 1}`;
  const first = hashes.findIndex((hash) => hash);
  const broken = first === begin ? [] : [`${name} begins at block ${first}, not ${begin}`];
  for (let height = begin; height < Math.max(chain.length, hashes.length); height += 1) {
    if (hashes[height] === chain[height]) continue;
    return [...broken, `${name} has ${hashes[height]} at ${height}, others ${chain[height]}`];
  }
  return broken;
}

async function coinsWrongAt(url: string): Promise<string[]> {
  const audit = await call(url, 'state_audit');
  const supply = BigInt(audit.supply) + BigInt(audit.burned);
  const broken = audit.problems.map((problem: unknown) => `${url}: ${JSON.stringify(problem)}`);
  if (supply === BigInt(audit.genesisSupply)) return broken;
  return [...broken, `${url}: ${supply} nait in place of ${audit.genesisSupply}`];
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
async function lostAt(url: string, all: readonly Acknowledged[], begin: number): Promise<string[]> {
  const lost: string[] = [];
  for (let from = 0; from < all.length; from += batchSize) {
    const part = all.slice(from, from + batchSize);
    const words = part.map(({ txId }) => ({ txId }));
    const told = await callAll(url, 'tx_get', words);
    for (const [at, { txId, blockHash, height }] of part.entries()) {
      const [status, block] = [told[at]?.status, told[at]?.blockHash];
      const isRight = height < begin ? !status : status === 'final' && block === blockHash;
      if (!isRight) lost.push(`${url}: ${txId} of block ${height} is ${status} in ${block}`);
    }
  }
  return lost;
}
