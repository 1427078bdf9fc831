/**
 * Who is connected: one session per provider, each with a lease.
 *
 * A session begins with a checked login and ends when its connection closes, when a newer login of the
 * same provider replaces it, when no frame came for `limits.leaseMs`, or when the chain no longer knows
 * the provider as one. While it lasts its offers are in the index; with its end they vanish at once.
 */

import type { Gauges, OfferIndex, Standing } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import { AppError, type CoordinatorFrame, type Hex, limits, type RelayLine } from '@aitbc/protocol';

/** The way to a connected provider. */
export interface ProviderLine {
  /** False when the connection is gone. */
  send(frame: CoordinatorFrame): boolean;
  /** Bytes that still wait to be sent. */
  readonly backlogBytes: number;
  /** Says why, then closes. */
  refuse(error: AppError): void;
}

/** A connected provider. */
export interface Session extends Standing {
  /** Address. */
  readonly provider: string;
  readonly endpoint: string;
  /** Registered hot key at the last look at the chain, hex. */
  readonly authorizer: Hex;
  readonly line: ProviderLine;
  /** Its relayed calls; undefined for a provider that takes none. */
  readonly relay: RelayLine | undefined;
  readonly begunAtMs: number;
  lastFrameMs: number;
  gauges: Gauges;
  /** When the chain was last asked about the provider. */
  checkedAtMs: number;
}

/** What a checked login brings. */
export type Login = Pick<Session, 'provider' | 'endpoint' | 'authorizer' | 'line' | 'relay'>;

/** All sessions. */
export interface Sessions {
  /** Begins a session; an older one of the same provider ends. */
  begin(login: Login): Session;
  /** Ends this session, if it is still the current one of its provider. */
  end(session: Session): void;
  /** A frame of the session came in; gauges when it was a heartbeat. */
  heard(session: Session, gauges?: Gauges): void;
  get(provider: string): Session | undefined;
  /** The one longest silent first. */
  all(): Iterable<Session>;
  readonly size: number;
  /** Ends the sessions that were silent for a whole lease. */
  dropSilent(): void;
}

/** Parts that follow sessions. */
export interface SessionsDeps {
  readonly clock: Clock;
  readonly index: OfferIndex;
  onBegin(session: Session): void;
  onEnd(session: Session): void;
}

const unknownLoad: Gauges = Object.freeze({ running: 0, waiting: 0, slots: 1 });

/** No sessions yet. */
export function createSessions({ clock, index, onBegin, onEnd }: SessionsDeps): Sessions {
  const sessions = new Map<string, Session>();

  const end = (session: Session): void => {
    if (sessions.get(session.provider) !== session) return;
    sessions.delete(session.provider);
    index.remove(session.provider);
    onEnd(session);
  };
  const endWithReason = (session: Session): void => {
    end(session);
    session.line.refuse(new AppError('LEASE_LOST', { account: session.provider }));
  };

  return {
    begin(login) {
      const older = sessions.get(login.provider);
      if (older) endWithReason(older);
      const nowMs = clock.nowMs();
      const session: Session = {
        ...login,
        begunAtMs: nowMs,
        lastFrameMs: nowMs,
        checkedAtMs: nowMs,
        gauges: unknownLoad,
      };
      sessions.set(login.provider, session);
      index.heard(login.provider, { atMs: nowMs, gauges: unknownLoad });
      onBegin(session);
      return session;
    },
    end,
    heard(session, gauges) {
      const { provider } = session;
      if (sessions.get(provider) !== session) return;
      const atMs = clock.nowMs();
      session.lastFrameMs = atMs;
      if (gauges) session.gauges = gauges;
      // At the end of the map: so the silent ones are found without a look at all.
      sessions.delete(provider);
      sessions.set(provider, session);
      index.heard(provider, gauges ? { atMs, gauges } : { atMs });
    },
    get: (provider) => sessions.get(provider),
    all: () => sessions.values(),
    get size() {
      return sessions.size;
    },
    dropSilent() {
      const oldestMs = clock.nowMs() - limits.leaseMs;
      for (const session of sessions.values()) {
        if (session.lastFrameMs > oldestMs) break;
        endWithReason(session);
      }
    },
  };
}
