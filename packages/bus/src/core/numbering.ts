/** Session and sequence of what we send, per topic or receiver. */
import { equalBytes, randomBytes } from '@aitbc/primitives';
import { limits } from '@aitbc/protocol';
import { sessionBytes } from './envelope.ts';

/** The next number of a stream of ours. */
export interface StreamNumber {
  readonly session: Uint8Array;
  readonly sequence: number;
}

/** Hands out numbers. */
export interface Numbering {
  next(scope: string): StreamNumber;
  /** True for the session that we use for the scope now. */
  isCurrent(scope: string, session: Uint8Array): boolean;
}

/**
 * Numbers from 1 per scope, under a session that is random when the scope is first used: nothing has to be kept
 * over a restart. A scope that was not used for long may be forgotten; it then begins a new session.
 */
export function createNumbering(): Numbering {
  const scopes = new Map<string, { session: Uint8Array; sequence: number }>();
  return {
    isCurrent(scope, session) {
      const stream = scopes.get(scope);
      return stream !== undefined && equalBytes(stream.session, session);
    },
    next(scope) {
      const stream = scopes.get(scope) ?? { session: randomBytes(sessionBytes), sequence: 0 };
      scopes.delete(scope);
      scopes.set(scope, stream);
      if (scopes.size > limits.busStreams) scopes.delete(scopes.keys().next().value ?? scope);
      stream.sequence += 1;
      return { session: stream.session, sequence: stream.sequence };
    },
  };
}
