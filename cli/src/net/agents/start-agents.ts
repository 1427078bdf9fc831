/** The agents of a plan at work: each by its role, all in this process, and what they wrote down. */
import { type BuyerBooks, createNotes, type JobNote, type Notes } from '../books/books.ts';
import type { AgentPlace, AgentRole, Agents, Books, LiveCounts, Plan, Town } from '../contract.ts';
import { lieToChain } from '../liars/lying-claims.ts';
import { spendTwice } from './double-spender.ts';
import { tryForFree } from './freeloader.ts';
import { askGateway } from './gateway-client.ts';
import { behaveHonestly, vanishAgain } from './honest.ts';
import { type AgentParts, createParts } from './parts.ts';
import { replayCalls } from './replayer.ts';
import { giveTasks } from './task-giver.ts';
import { stealKey } from './thief.ts';
import { payTooLittle } from './underpayer.ts';

/** What the cast wrote down, beyond the counts. */
export interface CastBooks extends Books {
  readonly notes: Notes;
  readonly buyers: readonly BuyerBooks[];
}

/** How long agents may take to end, ms. */
const stopMs = 75_000;

type Behaviour = (place: AgentPlace, parts: AgentParts) => Promise<BuyerBooks | undefined>;

const behaviours: Readonly<Record<AgentRole, Behaviour>> = {
  honest: behaveHonestly,
  gateway: askGateway,
  slowConsumer: askGateway,
  vanishes: vanishAgain,
  freeloader: tryForFree,
  underpayer: payTooLittle,
  replayer: replayCalls,
  thief: stealKey,
  doubleSpender: spendTwice,
  taskGiver: giveTasks,
};

/** Puts them to work. `signal` aborts when the run is cut short. */
export async function startAgents(plan: Plan, town: Town, signal: AbortSignal): Promise<Agents> {
  const notes = createNotes();
  const parts = createParts(plan, town, notes);
  signal.addEventListener('abort', parts.end, { once: true });
  const buyers: BuyerBooks[] = [];
  const agents = town.facts.agents.map(async (place) => {
    try {
      const books = await behaviours[place.role](place, parts);
      if (books) buyers.push(books);
    } catch (error) {
      notes.broken.push(`${place.name} (${place.role}) came to grief: ${describe(error)}`);
    }
  });
  const liars = town.facts.providers
    .filter(({ role }) => role === 'claimsEarly' || role === 'claimsTwice')
    .map((place) => lieToChain(place, parts));
  const all = Promise.all([...agents, ...liars]);
  return {
    counts: () => countsOf(notes),
    async stop() {
      parts.end();
      const late = AbortSignal.timeout(stopMs);
      await Promise.race([all, new Promise((resolve) => late.addEventListener('abort', resolve))]);
      await parts.close();
      const books: CastBooks = { counts: countsOf(notes), notes, buyers };
      return books;
    },
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name} ${error.message}` : String(error);
}

function countsOf({ jobs, tries, broken }: Notes): LiveCounts {
  const count = (isWanted: (job: JobNote) => boolean) => jobs.filter(isWanted).length;
  return {
    jobsBegun: jobs.length,
    jobsCompleted: count(({ state }) => state === 'complete'),
    jobsFailed: count(({ state }) => state === 'failed'),
    tokens: jobs.reduce((sum, { text }) => sum + text.split(' ').length - 1, 0),
    failovers: jobs.reduce((sum, { moves }) => sum + moves, 0),
    refused: tries.filter(({ isRefused }) => isRefused).length,
    broken,
  };
}
