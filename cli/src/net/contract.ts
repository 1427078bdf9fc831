/**
 * What the two halves of the chaos network tell each other. One half makes the plan, brings the town up,
 * does harm to its machines and watches which blocks are final (plan, town, faults, screen, plant). The
 * other is the cast: engines, liars, agents, the books that they keep, and the check of what must hold
 * whatever happens (engines, liars, agents, books, invariants).
 *
 * The plan is pure data that follows from seed and sizes alone. The facts of the town are plain JSON too,
 * so that worker processes can be given them; keys are in them, which are worth nothing outside.
 */
import type { Genesis, Hex, Network } from '@aitbc/protocol';

/** What a provider does. `otherModel` runs other weights than it sells and is always verifiable. */
export type ProviderRole =
  | 'honest'
  | 'otherModel'
  | 'inflates'
  | 'stopsMidStream'
  | 'garbage'
  | 'stalls'
  | 'claimsEarly'
  | 'claimsTwice'
  | 'replays';

/** What a buyer does. */
export type AgentRole =
  | 'honest'
  | 'gateway'
  | 'slowConsumer'
  | 'vanishes'
  | 'freeloader'
  | 'underpayer'
  | 'replayer'
  | 'thief'
  | 'doubleSpender'
  | 'taskGiver';

/** What a validator does; at most f of 3f+1 are not honest. A silent one never votes: its node is down. */
export type ValidatorRole = 'honest' | 'equivocator' | 'silent';

/** Kinds of harm to machines and lines. */
export type FaultKind =
  | 'kill'
  | 'pause'
  | 'partition'
  | 'latency'
  | 'clockSkew'
  | 'fullDisk'
  | 'redisLoss'
  | 'coordinatorLoss';

/** One fault of the schedule; times count from the begin of the run. */
export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** Names of daemons. Of a partition: one side of the cut. */
  readonly target: readonly string[];
  /** Of latency: delay one way. Of clock skew: how far the clock is ahead, negative when behind. */
  readonly ms?: number;
}

/** A provider of the plan. Verifiable ones run the embedded engine. */
export interface PlannedProvider {
  readonly role: ProviderRole;
  readonly isVerifiable: boolean;
}

/** All that is decided before anything starts. Daemons are named by `namesOf`. */
export interface Plan {
  readonly seed: number;
  /** False without `--chaos`: everybody is honest and nothing breaks. */
  readonly isChaos: boolean;
  readonly forMs: number;
  /** After this time nothing is broken any more, and no new job is begun after `forMs`. */
  readonly calmAtMs: number;
  readonly validators: readonly ValidatorRole[];
  readonly providers: readonly PlannedProvider[];
  readonly agents: readonly AgentRole[];
  readonly coordinators: number;
  readonly gateways: number;
  readonly faults: readonly Fault[];
}

/** Keys of an account that the town made; 32-byte seeds and keys in hex. */
export interface Keys {
  readonly accountId: Hex;
  readonly address: string;
  readonly secretKey: Hex;
}

/** Where a daemon is: address and port stay the same through all its deaths. */
export interface Place {
  readonly name: string;
  readonly url: string;
  readonly dataDir: string;
}

/** A node. */
export interface NodePlace extends Place {
  readonly role: ValidatorRole;
  readonly keys: Keys;
  /** Where its mesh listens, as a node of this machine reaches it. */
  readonly meshAddress: string;
}

/** A provider: its account, which is in the genesis with its bond and more, and its owner's token. */
export interface ProviderPlace extends Place, PlannedProvider {
  /** Index in `coordinators` of the one that shows its offers; verifiable ones are all at the first. */
  readonly coordinator: number;
  readonly keys: Keys;
  /** Key of the authorizer, which signs offers and receipts. */
  readonly authorizer: Keys;
  readonly adminToken: string;
}

/** A gateway: agents of role `gateway` call `<url>/v1` with any key, over OpenAI's protocol. */
export interface GatewayPlace extends Place {
  /** Account that pays, with coins from the genesis; the wallet has its key too. */
  readonly keys: Keys;
  /** Index in `coordinators` of the one that it asks. */
  readonly coordinator: number;
}

/** An agent: an account with coins from the genesis. Index = index in `plan.agents`. */
export interface AgentPlace {
  readonly name: string;
  readonly role: AgentRole;
  readonly keys: Keys;
}

/** The town as plain data. */
export interface TownFacts {
  readonly home: string;
  readonly genesis: Genesis;
  readonly network: Network;
  /** The first one is never silent and never equivocates; agents may use any that is honest. */
  readonly nodes: readonly NodePlace[];
  readonly coordinators: readonly Place[];
  readonly gateways: readonly GatewayPlace[];
  readonly wallet: Place & { readonly token: string };
  readonly providers: readonly ProviderPlace[];
  readonly agents: readonly AgentPlace[];
  /** Absent when no `redis-server` is there: one coordinator then, and no bus. */
  readonly redisUrl?: string;
}

/** The running town. */
export interface Town {
  readonly facts: TownFacts;
  /** Sends coins to an account and waits until they are final. For accounts that are made on the way. */
  fund(address: string, amountNait: bigint): Promise<void>;
  /** Whether a daemon is up and not paused, as far as the faults go. */
  isUp(name: string): boolean;
}

/** What a provider is started with, beside what every provider gets. */
export interface ProviderWiring {
  /** Settings of the daemon, such as `--engine openai --openai-url …`. */
  readonly args: readonly string[];
  /** Program to run in place of the daemon's own (a liar whose engine lies); the same settings. */
  readonly entry?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Address that it publishes in place of its own: a liar on the line in front of it. */
  readonly publicUrl?: string;
}

/** What the engines ran; keyed by what the scripted server sees (the prompt carries a mark of its job). */
export interface Engines {
  /** In the order of `plan.providers`. */
  readonly wirings: readonly ProviderWiring[];
  stop(): Promise<void>;
}

/** CAST. Called before the daemons start; urls of the places are final already. */
export type StartEngines = (plan: Plan, facts: TownFacts) => Promise<Engines>;

/** Figures for the screen, cheap to get. */
export interface LiveCounts {
  readonly jobsBegun: number;
  readonly jobsCompleted: number;
  /** Ended with an honest error. */
  readonly jobsFailed: number;
  readonly tokens: number;
  readonly failovers: number;
  /** Tries of freeloaders, thieves and so on that were refused. */
  readonly refused: number;
  /** What is broken already, in words; shown at once. */
  readonly broken: readonly string[];
}

/** Buyers at work. */
export interface Agents {
  counts(): LiveCounts;
  /** Begins no further job, waits for those that run (bounded), and gives what everybody wrote down. */
  stop(): Promise<Books>;
}

/** What everybody wrote down. CAST refines it in books/; NET only passes it on. */
export interface Books {
  readonly counts: LiveCounts;
}

/** CAST. `signal` aborts when the run is cut short. */
export type StartAgents = (plan: Plan, town: Town, signal: AbortSignal) => Promise<Agents>;

/** What the watcher saw of finality, from all nodes, all the time. */
export interface Finals {
  /** Hash of the final block by height. */
  readonly seen: ReadonlyMap<number, string>;
  /** Two hashes at one height, in words. */
  readonly conflicts: readonly string[];
  /** Blocks seen as final in each third of the run, or in all of it when it is short. */
  readonly thirds: readonly number[];
  top(): number;
}

/** A row of the final table. `checked` 0 = did not occur. */
export interface InvariantRow {
  /** Short name, such as `supply conserved`. */
  readonly name: string;
  /** What was compared with what, in one sentence. */
  readonly claim: string;
  readonly checked: number;
  /** Those that do not hold, in words; empty when all do. */
  readonly broken: readonly string[];
}

/** What an audit of the run looks at. */
export interface Run {
  readonly plan: Plan;
  readonly town: Town;
  readonly engines: Engines;
  readonly books: Books;
  readonly finals: Finals;
}

/**
 * CAST: rows about jobs, coins, claims, audits, liars, agents. NET adds its own (one chain, finality,
 * nothing acknowledged is lost, equivocator and validators, progress of blocks, daemons answer).
 */
export type CheckInvariants = (run: Run) => Promise<InvariantRow[]>;
