/** The daemons of a town as processes: what faults do to them, and how they stand. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@aitbc/protocol';
import { createSupervisor, type Incident, type Member, type Recipe } from './supervisor.ts';

/** The processes. Names that were never added are refused with RangeError. */
export interface Crew {
  add(recipe: Recipe): Promise<void>;
  /** SIGKILL; it stays down until `revive`. */
  kill(name: string): Promise<void>;
  /** Starts what was killed; goes on trying while it does not come up. */
  revive(name: string): Promise<void>;
  pause(name: string): void;
  resume(name: string): void;
  /** Up and not paused. */
  isUp(name: string): boolean;
  /** Times that each daemon was started. */
  starts(): ReadonlyMap<string, number>;
  readonly incidents: readonly Incident[];
  /** Waits until all are up; names of those that are not. */
  allUp(timeoutMs: number): Promise<string[]>;
  stop(): Promise<void>;
}

/** Options of a crew. */
export interface CrewOptions {
  readonly logs: string;
  readonly signal: AbortSignal;
}

const lookMs = 50;

/** An empty crew. */
export function createCrew({ logs, signal }: CrewOptions): Crew {
  const members = new Map<string, Member>();
  const incidents: Incident[] = [];
  const ending = new AbortController();
  const stopped = AbortSignal.any([signal, ending.signal]);
  setMaxListeners(0, stopped, signal); // one of each daemon that starts
  const onIncident = (incident: Incident): void => void incidents.push(incident);
  const supervisor = createSupervisor({ logs, stopped, onIncident });
  const memberOf = (name: string): Member => {
    const member = members.get(name);
    if (!member) throw new RangeError(`${name} is no daemon of this town`);
    return member;
  };
  const missing = () => [...members.keys()].filter((name) => memberOf(name).state !== 'up');
  return {
    incidents,
    async add(recipe) {
      const member: Member = { recipe, state: 'starting', starts: 0, rising: Promise.resolve() };
      members.set(recipe.name, member);
      await supervisor.startOnce(member);
    },
    kill: (name) => killMember(memberOf(name)),
    async revive(name) {
      const member = memberOf(name);
      if (member.state !== 'down') return;
      member.rising = supervisor.rise(member);
      await member.rising;
    },
    pause: (name) => signalMember(memberOf(name), 'up', 'paused'),
    resume: (name) => signalMember(memberOf(name), 'paused', 'up'),
    isUp: (name) => members.get(name)?.state === 'up',
    starts: () => new Map([...members].map(([name, { starts }]) => [name, starts])),
    async allUp(timeoutMs) {
      const end = performance.now() + timeoutMs;
      while (missing().length > 0 && performance.now() < end && !stopped.aborted) {
        await sleep(lookMs);
      }
      return missing();
    },
    async stop() {
      ending.abort(new AppError('CANCELLED'));
      await endAll([...members.values()].reverse());
    },
  };
}

async function killMember(member: Member): Promise<void> {
  await member.rising;
  member.state = 'down';
  await member.process?.kill();
}

/** SIGSTOP or SIGCONT, when the member stands as expected. */
function signalMember(member: Member, from: 'up' | 'paused', to: 'up' | 'paused'): void {
  if (member.state !== from || !member.process) return;
  member.state = to;
  process.kill(member.process.pid, to === 'paused' ? 'SIGSTOP' : 'SIGCONT');
}

/** SIGKILL also ends what stands still. */
async function endAll(all: readonly Member[]): Promise<void> {
  await Promise.allSettled(all.map(({ rising }) => rising));
  await Promise.allSettled(all.map((member) => member.process?.kill()));
}
