/** The parts that work on agents and tasks, made and joined. */
import type { Clock } from '@aitbc/primitives';
import { type agentEndpoints, asAppError, type taskEndpoints } from '@aitbc/protocol';
import type { Handlers, Log } from '@aitbc/service';
import { followAgents } from '../agents/follow-agents.ts';
import { createAgentHandlers } from '../agents/show-agents.ts';
import type { AgentChain } from '../chain/agent-chain.ts';
import { boundLookups } from '../chain/bound-lookups.ts';
import type { ChainLink } from '../chain/chain-link.ts';
import type { BlockFollower } from '../chain/follow-blocks.ts';
import type { Store } from '../store/store.ts';
import { followTasks } from './follow-tasks.ts';
import { ringAlarms } from './ring-alarms.ts';
import { createTaskHandlers } from './show-tasks.ts';
import { createTaskWatch } from './task-watch.ts';

/** What the parts are made of. */
export interface CoordinationDeps {
  readonly chain: ChainLink;
  readonly agentChain: AgentChain;
  readonly follower: BlockFollower;
  readonly store: Pick<Store, 'agents' | 'tasks' | 'isAlone'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Everything about agents and tasks. */
export interface CoordinationParts {
  handlers<C>(): Handlers<typeof agentEndpoints & typeof taskEndpoints, C>;
  /** Lets time pass: dates of tasks, news of other coordinators. */
  round(): Promise<void>;
  /** Deletes what is kept no longer. */
  prune(): Promise<void>;
  /** Ends the streams. */
  closeStreams(): void;
}

const lookEveryMs = 1_000;
const tasksKeptMs = 90 * 24 * 3_600_000; // as long as the longest deadline
const cardsKeptMs = 3_600_000; // a card may come before its registration was followed
const pruneRows = 500;

/** Parts that follow the chain once the follower is started. */
export function createCoordinationParts(deps: CoordinationDeps): CoordinationParts {
  const { chain: link, agentChain: chain, follower, clock, log } = deps;
  const { agents, tasks, isAlone } = deps.store;
  const forCallers = boundLookups(chain);
  const watch = createTaskWatch();
  follower.listen(followAgents(agents, chain));
  follower.listen(
    followTasks({ tasks, chain, network: () => link.network(), onChange: watch.changed }),
  );
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  return {
    handlers: () => ({
      ...createAgentHandlers({ agents, chain: forCallers, clock }),
      ...createTaskHandlers({ tasks, chain: forCallers, clock, watch, isAlone }),
    }),
    async round() {
      if (!isAlone) watch.pokeAll();
      const nowMs = clock.nowMs();
      if (nowMs - lookedAtMs < lookEveryMs || !link.isUp()) return;
      lookedAtMs = nowMs;
      await ringAlarms({ tasks, chain, watch, clock }).catch((error: unknown) => {
        log.warn({ code: asAppError(error).code }, 'dates of tasks were not looked at');
      });
    },
    async prune() {
      const nowMs = clock.nowMs();
      await agents.prune(nowMs - cardsKeptMs, pruneRows);
      await tasks.prune(nowMs - tasksKeptMs, pruneRows);
    },
    closeStreams: watch.close,
  };
}
