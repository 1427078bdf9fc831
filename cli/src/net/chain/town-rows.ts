/** Rows of the final table about chain and machines; those about jobs and coins are in invariants/. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { InvariantRow, Place } from '../contract.ts';
import type { OpenTown } from '../town/bring-up-town.ts';
import type { Layout } from '../town/layout.ts';
import { type Agreement, compareNodes, type Ledger } from './agreement.ts';
import type { Load } from './load.ts';
import type { NodesView } from './nodes-view.ts';
import { call } from './rpc.ts';

/** What the rows look at. */
export interface TownScene {
  readonly layout: Layout;
  readonly open: OpenTown;
  readonly nodes: NodesView;
  readonly ledger: Ledger;
  readonly load: Load;
  /** Daemons that did not come back. */
  readonly down: readonly string[];
  readonly progress: { readonly blocks: readonly number[]; readonly jobs: readonly number[] };
}

const answerTimeoutMs = 30_000;
const againMs = 250;

/** Compares nodes, asks daemons, reads the verdicts on validators. */
export async function checkTown(scene: TownScene): Promise<InvariantRow[]> {
  const { nodes, ledger, load } = scene;
  const told = await comparedOf(scene);
  const count = told.blocks > 0 ? nodes.awake().length : 0;
  return [
    {
      name: 'one chain',
      claim: 'equal block hashes at each height on all nodes',
      checked: count > 1 ? told.blocks : told.chains.length,
      broken: told.chains,
    },
    {
      name: 'finality',
      claim: 'what any node called final at any time is the block of all nodes',
      checked: told.blocks > 0 ? ledger.watch.seen.size : ledger.watch.conflicts.length,
      broken: told.finality,
    },
    {
      name: 'nothing lost',
      claim: 'transfers acknowledged as final are in their block on every node',
      checked: ledger.acknowledged.length * count,
      broken: [...told.lost, ...load.surprises],
    },
    {
      name: 'supply',
      claim: 'coins of every node equal those of the genesis, and the audit of all coins is clean',
      checked: count,
      broken: told.coins,
    },
    await verdictRow(scene),
    ...progressRows(scene),
    endsRow(scene),
    await answersRow(scene),
  ];
}

/** Nodes that never come to one head are no chain; then nothing else of it can be compared. */
async function comparedOf({ nodes, ledger }: TownScene): Promise<Agreement> {
  try {
    return await compareNodes(nodes, ledger);
  } catch (error) {
    const finality = ledger.watch.conflicts.map((conflict) => `two final blocks at ${conflict}`);
    const chains = [(error as Error).message];
    return { blocks: 0, chains, finality, lost: [], coins: [] };
  }
}

/** Equivocators are convicted, nobody else is. */
async function verdictRow({ layout, nodes }: TownScene): Promise<InvariantRow> {
  const [first = 0] = nodes.awake();
  const convicted = await convictedAt(nodes.url(first));
  const places = layout.facts.nodes;
  const broken = places.flatMap(({ name, role, keys }) => {
    const isConvicted = convicted.has(keys.accountId);
    if (role === 'equivocator' && !isConvicted) return [`${name} lied and was not convicted`];
    return role !== 'equivocator' && isConvicted ? [`${name} did not lie and was convicted`] : [];
  });
  return {
    name: 'validators judged',
    claim: 'who signed two blocks of one view lost stake, and no other validator did',
    checked: places.some(({ role }) => role === 'equivocator') ? places.length : 0,
    broken,
  };
}

/** Keys of all validators that were ever convicted. */
async function convictedAt(url: string): Promise<Set<string>> {
  const convicted = new Set<string>();
  for (let from: number | null | undefined; from !== null; ) {
    const page: ConvictionPage = await call(
      url,
      'evidence_list',
      from === undefined ? {} : { from },
    );
    for (const { validator } of page.evidence) convicted.add(validator);
    from = page.next;
  }
  return convicted;
}

interface ConvictionPage {
  readonly evidence: readonly { readonly validator: string }[];
  readonly next: number | null;
}

function progressRows({ progress: { blocks, jobs } }: TownScene): InvariantRow[] {
  const stood = (list: readonly number[], what: string): string[] =>
    list.flatMap((count, at) =>
      count > 0 ? [] : [`no ${what} in part ${at + 1} of ${list.length}`],
    );
  const sum = (list: readonly number[]): number => list.reduce((all, count) => all + count, 0);
  return [
    {
      name: 'blocks go on',
      claim: 'blocks became final in each third of the time (as a whole below a minute)',
      checked: sum(blocks),
      broken: stood(blocks, 'block'),
    },
    {
      name: 'jobs go on',
      claim: 'jobs were completed in each third of the time (as a whole below a minute)',
      checked: sum(jobs),
      broken: stood(jobs, 'job'),
    },
  ];
}

/** Whose disk was full may end; everybody else goes on. */
function endsRow({ open, layout }: TownScene): InvariantRow {
  const broken = open.crew.incidents
    .filter(({ name, during }) => during === 'work' && !layout.disks.has(name))
    .map(({ name, how }) => `${name} ended by itself: ${how}`);
  return {
    name: 'daemons stay up',
    claim: 'no daemon ended by itself, except with a full disk',
    checked: layout.names.daemons.length,
    broken,
  };
}

async function answersRow({ layout, down, open }: TownScene): Promise<InvariantRow> {
  const { nodes, wallet, coordinators, gateways, providers } = layout.facts;
  const live = nodes.filter(({ role }) => role === 'honest');
  const all: readonly Place[] = [...live, wallet, ...coordinators, ...gateways, ...providers];
  const told = await Promise.all(all.map((place) => silence(place)));
  const starts = open.crew.incidents.filter(({ name, during }) => {
    return during === 'start' && down.includes(name);
  });
  return {
    name: 'all answer',
    claim: 'every daemon is up and ready when everything is whole again',
    checked: all.length,
    broken: [...told.flat(), ...starts.map(({ name, how }) => `${name} does not start: ${how}`)],
  };
}

/** Ready within the time, or a sentence. */
async function silence({ name, url }: Place): Promise<string[]> {
  const end = performance.now() + answerTimeoutMs;
  let last = '';
  while (performance.now() < end) {
    try {
      const signal = AbortSignal.timeout(answerTimeoutMs);
      const response = await fetch(`${url}/health/ready`, { signal });
      if (response.ok) return [];
      last = `status ${response.status}`;
    } catch (error) {
      last = (error as Error).message;
    }
    await sleep(againMs);
  }
  return [`${name} is not ready: ${last}`];
}
