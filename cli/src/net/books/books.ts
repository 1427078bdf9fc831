/** What everybody wrote down during a run: the material of the invariants. */
import type { Hex } from '@aitbc/protocol';
import type { CallRow, ChannelRow, JobPart } from '@aitbc/sdk';
import type { LyingClaim } from '../liars/lying-claims.ts';

/** How an answer ended for its buyer: whole, with an honest error, left on purpose, or not by the end of the run. */
export type JobState = 'running' | 'complete' | 'failed' | 'left';

/** One answer that somebody asked for. */
export interface JobNote {
  readonly agent: string;
  /** `sdk`, or the name of a gateway. */
  readonly via: string;
  readonly model: string;
  readonly mark: string;
  readonly words: number;
  readonly maxTokens: number;
  readonly key: string;
  readonly atMs: number;
  jobId: Hex | undefined;
  endMs: number | undefined;
  state: JobState;
  /** Code of the error that ended it. */
  code: string | undefined;
  text: string;
  finishReason: string | undefined;
  /** Known of jobs that an SDK buyer completed. */
  parts: readonly JobPart[];
  moves: number;
  /** Times that it was asked for again with the same key. */
  repeats: number;
}

/** The books of one buyer. */
export interface BuyerBooks {
  readonly name: string;
  readonly payer: string;
  readonly channels: readonly ChannelRow[];
  readonly calls: readonly CallRow[];
  /** It went away without settling, so its books are old. */
  readonly isGone: boolean;
}

/** A try to get something that is not due. */
export interface TryNote {
  readonly agent: string;
  readonly what: string;
  /** Mark of the prompt that must never run; undefined where no engine is asked. */
  readonly mark: string | undefined;
  readonly atMs: number;
  /** Name of the provider or node that was asked. */
  readonly at: string;
  /** HTTP status and error code, or how it failed. */
  readonly answer: string;
  readonly isRefused: boolean;
}

/** Several transactions that spend the same coins: at most `allowed` of them may become final. */
export interface SpendNote {
  readonly agent: string;
  readonly what: string;
  readonly txIds: readonly Hex[];
  readonly allowed: number;
}

/** A stolen key, and what its mandate allows. */
export interface TheftNote {
  readonly agent: string;
  readonly owner: string;
  readonly subKey: string;
  readonly totalMaxNait: bigint;
  readonly windowMaxNait: bigint;
  readonly jobMaxNait: bigint;
  /** When the revocation was seen to be final; undefined when it never was. */
  revokedAtMs: number | undefined;
  /** nait that the mandate had spent when it was revoked. */
  spentAtRevocation: bigint | undefined;
  /** Marks of jobs that the thief asked for, and when. */
  readonly asked: { readonly mark: string; readonly atMs: number; readonly isOver: boolean }[];
}

/** A withdrawal from a channel: when it was due, what it gave back. */
export interface ExitNote {
  readonly agent: string;
  readonly channelId: Hex;
  readonly amountNait: bigint;
  isBack: boolean;
  /** Why it is not back. */
  reason: string | undefined;
}

/** A task and how it must end. */
export interface TaskNote {
  readonly agent: string;
  readonly taskId: Hex;
  readonly ending: 'approved' | 'expired' | 'resolved' | 'left open';
  readonly rewardNait: bigint;
  isReached: boolean;
  /** What its worker got. */
  paidNait: bigint | undefined;
  reason: string | undefined;
}

/** All notes; each agent adds to them as it goes. */
export interface Notes {
  readonly jobs: JobNote[];
  readonly tries: TryNote[];
  readonly spends: SpendNote[];
  readonly thefts: TheftNote[];
  readonly exits: ExitNote[];
  readonly tasks: TaskNote[];
  readonly claims: LyingClaim[];
  /** What kept an agent from what it wanted, with how often: faults are meant to. */
  readonly troubles: Map<string, number>;
  /** What is wrong beyond doubt, as it is seen. */
  readonly broken: string[];
}

/** Empty notes. */
export function createNotes(): Notes {
  return {
    ...{ jobs: [], tries: [], spends: [], thefts: [], exits: [] },
    ...{ tasks: [], claims: [], broken: [], troubles: new Map() },
  };
}

/** Notes what kept an agent from what it wanted. */
export function noteTrouble({ troubles }: Notes, what: string, error: unknown): void {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  const line = `${what}: ${code ?? message}`;
  troubles.set(line, (troubles.get(line) ?? 0) + 1);
}

/** The notes as a file of lines of JSON, for whoever looks into a run. */
export function notesText(notes: Notes): string {
  const shown = { ...notes, troubles: Object.fromEntries(notes.troubles) };
  return JSON.stringify(
    shown,
    (_name, value: unknown) => (typeof value === 'bigint' ? `${value}` : value),
    1,
  );
}
