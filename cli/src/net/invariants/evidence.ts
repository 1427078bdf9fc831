/** All that the audit of a run looks at, gathered once: books of both sides, the chain, the audits, the engine's runs. */
import {
  asAppError,
  type auditEndpoints,
  type ChainAuditJson,
  type ChannelJson,
  type Hex,
  type nodeRpc,
  type OutputOf,
  type Price,
  priceOf,
} from '@aitbc/protocol';
import {
  createCoordinatorClient,
  createGatewayClient,
  createNodeClient,
  createProviderClient,
  type NodeClient,
} from '@aitbc/sdk';
import type { CastBooks } from '../agents/start-agents.ts';
import { readProviderBooks, type SellerBooks, type SellerJob } from '../books/provider-books.ts';
import type { Plan, ProviderPlace, Run, TownFacts } from '../contract.ts';
import type { EngineRun } from '../engines/scripted-server.ts';
import type { CastEngines } from '../engines/start-engines.ts';
import { tryUntil } from './try-until.ts';

const settleMs = 40_000;
const auditsMs = 45_000;
const pollMs = 500;
const openStates: readonly string[] = ['waiting', 'assigned', 'accused'];

/** An audit, with what jurors found on chain; null while they have not decided, or were not asked. */
export type Audit = OutputOf<typeof auditEndpoints.listAudits>['audits'][number] & {
  readonly found: ChainAuditJson['firstResult'];
};
export type StateAudit = OutputOf<typeof nodeRpc.state_audit>;
export type GatewaySpend = Awaited<ReturnType<ReturnType<typeof createGatewayClient>['spend']>>;

/** What is known about a run. */
export interface Evidence {
  readonly plan: Plan;
  readonly facts: TownFacts;
  readonly books: CastBooks;
  readonly runs: readonly EngineRun[];
  readonly sellers: ReadonlyMap<string, SellerBooks>;
  /** Channels of the chain to providers of the town, by id. */
  readonly channels: ReadonlyMap<Hex, ChannelJson>;
  readonly gateways: ReadonlyMap<string, GatewaySpend>;
  readonly coins: ReadonlyMap<string, StateAudit>;
  readonly bonds: ReadonlyMap<string, bigint>;
  readonly bondMinNait: bigint;
  readonly audits: readonly Audit[];
  /** Providers, nodes and so on that did not say what they should, in words. */
  readonly silent: readonly string[];
  /** A client of the first node. */
  readonly node: NodeClient;
}

/** The provider of the town with this name. */
export function placeOf({ facts }: Pick<Evidence, 'facts'>, name: string): ProviderPlace {
  const place = facts.providers.find((provider) => provider.name === name);
  if (!place) throw new RangeError(`there is no ${name}`);
  return place;
}

/** Price of a job by its offer; undefined when the offer is gone. */
export function priceOfJob({ sellers }: Evidence, job: SellerJob): Price | undefined {
  const offer = sellers.get(job.provider)?.offers.get(job.offerId);
  return offer && priceOf(offer.payload);
}

/** Waits until everything is settled, as far as it will be, and gathers. The caller closes `node`. */
export async function gatherEvidence(run: Run): Promise<Evidence> {
  const { plan, town } = run;
  const { facts } = town;
  const silent: string[] = [];
  await Promise.all(facts.providers.map((place) => settle(place, silent)));
  const node = createNodeClient({ url: facts.nodes[0]?.url ?? '' });
  const audits = await auditsOf(facts, { node, silent });
  const chain = await node.rpc.chain_status({});
  return {
    ...{ plan, facts, node, silent, audits },
    books: run.books as CastBooks,
    runs: (run.engines as CastEngines).runs(),
    sellers: await mapOf(facts.providers, readProviderBooks),
    channels: await channelsOf(facts, node),
    gateways: await gatewaysOf(facts, silent),
    coins: await coinsOf(facts, silent),
    bonds: await bondsOf(facts, node),
    bondMinNait: BigInt(chain.params.providerBondMin),
  };
}

async function mapOf<P extends { readonly name: string }, T>(
  places: readonly P[],
  ask: (place: P) => Promise<T>,
): Promise<Map<string, T>> {
  const rows = await Promise.all(
    places.map(async (place): Promise<[string, T]> => [place.name, await ask(place)]),
  );
  return new Map(rows);
}

/** Claims until all that is due is paid and no job runs. */
async function settle(place: ProviderPlace, silent: string[]): Promise<void> {
  const client = createProviderClient({ baseUrl: place.url, token: place.adminToken });
  let last = 'it does not answer';
  const isDone = await tryUntil(settleMs, async () => {
    try {
      await client.claimNow({});
      const { charged, claimed, running } = await client.status({});
      last = `${running} jobs run, ${claimed} of ${charged} nait are claimed`;
      return running === 0 && BigInt(charged) <= BigInt(claimed);
    } catch (error) {
      last = asAppError(error).message;
      return false;
    }
  });
  if (!isDone) silent.push(`${place.name} is not settled: ${last}`);
}

interface Asked {
  readonly node: NodeClient;
  readonly silent: string[];
}

/** Audits of all coordinators, once none waits for anybody or the time is over. */
async function auditsOf({ coordinators }: TownFacts, asked: Asked): Promise<readonly Audit[]> {
  const audits = new Map<string, Audit>();
  for (const { name, url } of coordinators) {
    const desk = createCoordinatorClient({ baseUrl: url });
    let rows: readonly Audit[] = [];
    let last = '';
    await tryUntil(auditsMs, async () => {
      try {
        const listed = (await desk.listAudits({})).audits;
        rows = await Promise.all(listed.map((row) => judged(row, asked.node)));
        return rows.every(({ state, found }) => {
          return !openStates.includes(state) && (state !== 'disputed' || found !== null);
        });
      } catch (error) {
        last = asAppError(error).message;
        return false;
      }
    });
    if (rows.length === 0 && last !== '') asked.silent.push(`${name} tells no audits: ${last}`);
    for (const row of rows) audits.set(row.recordHash + row.jobId, row);
  }
  return [...audits.values()];
}

async function judged(row: Omit<Audit, 'found'>, node: NodeClient): Promise<Audit> {
  if (row.auditId === null) return { ...row, found: null };
  const { result, firstResult } = await node.rpc.audit_get({ auditId: row.auditId });
  return { ...row, found: result ?? firstResult };
}

async function channelsOf({ providers }: TownFacts, node: NodeClient) {
  const channels = new Map<Hex, ChannelJson>();
  for (const { keys } of providers) {
    let after: Hex | null = null;
    do {
      const page: { channels: ChannelJson[]; next: Hex | null } = await node.rpc.state_listChannels(
        { receiver: keys.address, ...(after === null ? {} : { after }) },
      );
      for (const channel of page.channels) channels.set(channel.channelId, channel);
      after = page.next;
    } while (after !== null);
  }
  return channels;
}

async function gatewaysOf({ gateways }: TownFacts, silent: string[]) {
  const spends = new Map<string, GatewaySpend>();
  for (const { name, url } of gateways) {
    try {
      spends.set(name, await createGatewayClient({ baseUrl: url }).spend({ limit: 100 }));
    } catch (error) {
      silent.push(`${name} tells no spending: ${asAppError(error).message}`);
    }
  }
  return spends;
}

async function coinsOf({ nodes }: TownFacts, silent: string[]): Promise<Map<string, StateAudit>> {
  const coins = new Map<string, StateAudit>();
  for (const { name, url, role } of nodes) {
    if (role !== 'honest') continue;
    const client = createNodeClient({ url });
    const isTold = await tryUntil(pollMs * 20, async () => {
      try {
        coins.set(name, await client.rpc.state_audit({}));
        return true;
      } catch {
        return false;
      }
    });
    if (!isTold) silent.push(`${name} counts no coins`);
    await client.close();
  }
  return coins;
}

async function bondsOf({ providers }: TownFacts, node: NodeClient): Promise<Map<string, bigint>> {
  const bonds = new Map<string, bigint>();
  for (const { name, keys } of providers) {
    try {
      const { bond } = await node.rpc.state_getProvider({ address: keys.address });
      bonds.set(name, BigInt(bond));
    } catch {
      bonds.set(name, 0n); // it has no registration
    }
  }
  return bonds;
}
