/**
 * The checks of an incoming envelope, cheap ones first, the signature last but one: form, network, age, who may
 * speak, replay, signature. What fails is counted under its reason and goes no further. Nothing is remembered
 * of an envelope whose signature was not good, so forged ones cannot use up a sender's numbers.
 *
 * Honest peers forward only what they have checked themselves, so bytes that no clock and no history can excuse are
 * blamed on whoever handed them over (`reject`); age and repetition are not.
 */
import { type Clock, hex } from '@aitbc/primitives';
import { type Hex, limits, type Network } from '@aitbc/protocol';
import type { Judgement } from '../carrier.ts';
import type { DropReason } from '../types.ts';
import type { Counters } from './counters.ts';
import { decodeEnvelope, type Envelope, isSigned, kinds } from './envelope.ts';
import { createReplayTable, type Sighting } from './replay-table.ts';

/** An envelope that passed: `isRepeat` was taken before (its acknowledgement may have been lost). */
export interface Inspected {
  readonly envelope: Envelope;
  readonly sender: Hex;
  readonly isRepeat: boolean;
  /** Remembers it, so that it passes once. */
  markTaken(): void;
}

/** What became of the bytes. */
export type Inspection =
  | { readonly passed: Inspected }
  | { readonly passed: undefined; readonly judgement: Judgement };

/** Checks envelopes. */
export interface Inspector {
  inspect(bytes: Uint8Array, isForUs: (envelope: Envelope) => boolean): Inspection;
  /** Counts a message that was good and is not delivered all the same. */
  drop(reason: DropReason): Inspection;
}

/** What an inspector works with. */
export interface InspectorParts {
  readonly network: Network;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly admits: (sender: Hex) => boolean;
  /** True for what we sent ourselves and a carrier brought back. */
  readonly isEcho: (envelope: Envelope) => boolean;
}

const blamed: ReadonlySet<DropReason> = new Set(['malformed', 'otherNetwork', 'forged']);

/** An inspector that has seen nothing yet. */
export function createInspector(parts: InspectorParts): Inspector {
  const { network, clock, counters, admits, isEcho } = parts;
  const replays = createReplayTable({
    streams: limits.busStreams,
    lifetimeMs: 2 * limits.busAgeMs,
  });
  const drop = (reason: DropReason): Inspection => {
    counters.dropped[reason] += 1;
    return { passed: undefined, judgement: blamed.has(reason) ? 'reject' : 'ignore' };
  };
  /** Why an envelope is not even worth a look at its signature. */
  const early = (envelope: Envelope, sender: Hex, sighting: Sighting): DropReason | undefined => {
    if (envelope.chain !== network.chain) return 'otherNetwork';
    if (Math.abs(clock.nowMs() - envelope.timeMs) > limits.busAgeMs) return 'stale';
    if (!admits(sender)) return 'notAdmitted';
    if (sighting === 'late') return 'late';
    if (sighting === 'full') return 'tooManyStreams';
    return sighting === 'seen' && envelope.kind === kinds.topic ? 'replayed' : undefined;
  };
  /** Answers to us are not numbered: each is matched to its question. */
  const lookUp = ({ kind, sequence }: Envelope, stream: string): Sighting =>
    kind === kinds.ack ? 'new' : replays.look(stream, sequence, clock.nowMs());
  return {
    drop,
    inspect(bytes, isForUs) {
      const envelope = decodeEnvelope(bytes);
      if (!envelope || !isForUs(envelope)) return drop('malformed');
      if (isEcho(envelope)) return { passed: undefined, judgement: 'ignore' };
      const sender = hex(envelope.sender);
      const stream = streamOf(envelope, sender);
      const sighting = lookUp(envelope, stream);
      const reason = early(envelope, sender, sighting);
      if (reason) return drop(reason);
      if (!isSigned(envelope, network)) return drop('forged');
      const markTaken = () => replays.mark(stream, envelope.sequence, clock.nowMs());
      return { passed: { envelope, sender, isRepeat: sighting === 'seen', markTaken } };
    },
  };
}

function streamOf({ kind, session, scope }: Envelope, sender: Hex): string {
  return `${kind} ${sender} ${hex(session)} ${hex(scope)}`;
}
