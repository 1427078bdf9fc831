/**
 * The plan of a run: who lies, who buys how, what breaks when. It follows from seed, sizes and length
 * alone, so that the same words on the command line are the same plan on every machine; what a machine
 * cannot do (namespaces without root, say) is left out when the plan is played and told in the report.
 */
import type { AgentRole, Plan, PlannedProvider, ProviderRole, ValidatorRole } from '../contract.ts';
import { createDraw, type Draw } from './draw.ts';
import { namesOf, type Sizes } from './names.ts';
import { scheduleOf } from './schedule.ts';

/** What is asked for. */
export interface PlanWish {
  /** Undefined: everybody is honest and nothing breaks. */
  readonly seed: number | undefined;
  readonly validators: number;
  readonly providers: number;
  readonly agents: number;
  readonly forMs: number;
}

/** Share of the time after which everything is whole again. */
const calmShare = 0.75;
/** Providers whose answers can be replayed: who is audited, its auditor, and the three jurors of a first round. */
const verifiableCount = 5;
const verifiableShare = 2;
/** From this many agents on there are two gateways and two coordinators. */
const doubleFrom = 20;
/** One of so many agents is a plain client of a gateway. */
const gatewayShare = 5;

const providerLies: readonly ProviderRole[] = [
  ...(['inflates', 'stopsMidStream', 'garbage', 'stalls'] as const),
  ...(['claimsEarly', 'claimsTwice', 'replays'] as const),
];
const agentLies: readonly AgentRole[] = [
  ...(['slowConsumer', 'vanishes', 'freeloader', 'underpayer', 'replayer'] as const),
  ...(['thief', 'doubleSpender', 'taskGiver'] as const),
];

/** The plan for a wish. */
export function makePlan(wish: PlanWish): Plan {
  const isChaos = wish.seed !== undefined;
  const seed = wish.seed ?? 0;
  const draw = createDraw(seed);
  const copies = wish.agents >= doubleFrom ? 2 : 1;
  const sizes: Sizes = { ...wish, coordinators: copies, gateways: copies };
  const validators = isChaos
    ? validatorsOf(draw, wish.validators)
    : honest<ValidatorRole>(wish.validators);
  const providers = providersOf(draw, wish.providers, isChaos);
  const agents = agentsOf(draw, wish.agents, isChaos);
  const calmAtMs = Math.round(wish.forMs * calmShare);
  const names = namesOf(sizes);
  const nodes = names.nodes.filter((_, at) => validators[at] === 'honest');
  const faults = isChaos ? scheduleOf(draw, { ...names, nodes }, calmAtMs) : [];
  return {
    ...{ seed, isChaos, forMs: wish.forMs, calmAtMs, validators, providers, agents, faults },
    ...{ coordinators: copies, gateways: copies },
  };
}

function honest<T extends string>(count: number): (T | 'honest')[] {
  return Array.from({ length: count }, () => 'honest');
}

/** At most f of 3f + 1 are not honest, and never the first one. */
function validatorsOf(draw: Draw, count: number): ValidatorRole[] {
  const roles: ValidatorRole[] = honest(count);
  const liars = Math.floor((count - 1) / 3);
  const places = draw.shuffled(roles.map((_, at) => at).slice(1));
  for (const at of places.slice(0, liars)) {
    roles[at] = draw.oneOf(['equivocator', 'equivocator', 'silent', 'honest']);
  }
  return roles;
}

function providersOf(draw: Draw, count: number, isChaos: boolean): PlannedProvider[] {
  const verifiable = count >= verifiableCount * verifiableShare ? verifiableCount : 0;
  const scripted = count - verifiable;
  const liars = isChaos ? Math.floor(scripted / 2) : 0;
  const roles: ProviderRole[] = honest(scripted - liars);
  const lies = draw.shuffled(providerLies);
  for (let at = 0; at < liars; at += 1) roles.push(lies[at % lies.length] ?? 'honest');
  const cheat = draw.between(1, Math.max(1, verifiable - 1));
  const replayed = Array.from({ length: verifiable }, (_, at): PlannedProvider => {
    return { role: isChaos && at === cheat ? 'otherModel' : 'honest', isVerifiable: true };
  });
  const others = draw.shuffled(roles).map((role) => ({ role, isVerifiable: false }));
  return [...replayed, ...others];
}

function agentsOf(draw: Draw, count: number, isChaos: boolean): AgentRole[] {
  const clients = Math.max(1, Math.floor(count / gatewayShare));
  const liars = isChaos ? Math.floor(count / 2) : 0;
  const deck = draw.shuffled(agentLies);
  const lies = Array.from({ length: liars }, (_, at) => deck[at % deck.length] as AgentRole);
  const roles = Array.from({ length: count - liars }, (_, at): AgentRole => {
    return at < clients ? 'gateway' : 'honest';
  });
  return draw.shuffled([...roles, ...lies]);
}
