/**
 * Keeps one daemon up, as a machine's service manager does: whoever ends is started again, on its old port and
 * folder, unless a fault keeps it down.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asAppError } from '@aitbc/protocol';
import type { CopyName } from '../../devnet/daemon-name.ts';
import { type DaemonProcess, startDaemon } from '../../devnet/daemon-process.ts';

/** How a daemon is started. */
export interface Recipe {
  readonly name: CopyName;
  readonly args: readonly string[];
  readonly entry?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly wrapper?: readonly string[] | undefined;
  /** Called when it is ready, also after a restart. */
  readonly onReady?: (() => Promise<void>) | undefined;
}

/** A daemon that ended by itself, or did not come up. */
export interface Incident {
  readonly name: string;
  readonly during: 'start' | 'work';
  readonly how: string;
  readonly atMs: number;
}

/** A daemon and how it stands. */
export interface Member {
  readonly recipe: Recipe;
  state: 'starting' | 'up' | 'paused' | 'down';
  process?: DaemonProcess;
  starts: number;
  /** A start that goes on, or the last one. */
  rising: Promise<void>;
}

/** Starts members and keeps them up. */
export interface Supervisor {
  /** One try; throws what it fails with. */
  startOnce(member: Member): Promise<void>;
  /** Tries until it is up, or is to be down. */
  rise(member: Member): Promise<void>;
}

/** Options of a supervisor. */
export interface SupervisorOptions {
  readonly logs: string;
  /** Aborts when nothing is to be started any more. */
  readonly stopped: AbortSignal;
  onIncident(incident: Incident): void;
}

const againMs = 500;

/** A supervisor. */
export function createSupervisor({ logs, stopped, onIncident }: SupervisorOptions): Supervisor {
  const note = ({ recipe: { name } }: Member, during: Incident['during'], how: string): void =>
    onIncident({ name, during, how, atMs: performance.now() });

  const startOnce = async (member: Member): Promise<void> => {
    const { name, args, entry, env, wrapper, onReady } = member.recipe;
    member.starts += 1;
    const daemon = await startDaemon({
      ...{ name, args, logFile: join(logs, `${name}.log`), signal: stopped },
      ...(entry === undefined ? {} : { entry }),
      ...(env === undefined ? {} : { env }),
      ...(wrapper === undefined ? {} : { wrapper }),
    });
    if (stopped.aborted) return await daemon.kill();
    member.process = daemon;
    void daemon.ended.then((how) => onEnd(member, daemon, how));
    await onReady?.();
    member.state = 'up';
  };

  const rise = async (member: Member): Promise<void> => {
    member.state = 'starting';
    while (!stopped.aborted && member.state === 'starting') {
      try {
        return await startOnce(member);
      } catch (error) {
        if (stopped.aborted) return;
        note(member, 'start', asAppError(error).message);
        await member.process?.kill();
        await sleep(againMs);
      }
    }
  };

  const onEnd = (member: Member, daemon: DaemonProcess, how: string): void => {
    if (stopped.aborted || member.process !== daemon || member.state === 'down') return;
    if (member.state === 'starting') return; // the start that goes on sees it
    note(member, 'work', how);
    member.state = 'starting';
    member.rising = sleep(againMs).then(() => rise(member));
  };
  return { startOnce, rise };
}
