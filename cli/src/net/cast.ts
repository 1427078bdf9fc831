/** The cast that every run has. */
import { startAgents } from './agents/start-agents.ts';
import { startEngines } from './engines/start-engines.ts';
import { checkInvariants } from './invariants/check-invariants.ts';
import type { Cast } from './run.ts';

/** Engines, agents and invariants. */
export const castOfNet: Cast = { startEngines, startAgents, checkInvariants };
