/**
 * Calls of buyers to providers that nobody can dial: `/v1/relay/<address>/<path>` goes to the provider's own
 * connection and comes out at its public front (docs/spec/market.md, "Relay").
 *
 * The desk finds the provider's line and keeps the bounds: `relayCallsPerProvider` at one provider, `relayCalls` in
 * all. Beyond them a call is refused before a byte of its body is read, with the time after which to try again; that
 * is what a buyer needs to go to another offer at once. Whoever is slow is cut off by `dropIdle`. What holds a place
 * for nothing is a body that does not come, so one address has `relayBodiesPerCaller` of those at a time.
 *
 * It trusts neither side. A provider's answer comes from the coordinator's own origin, so it may set no cookie, rule
 * no cache or proxy in front, and is no page that a browser would run: only headers of the list below pass.
 */
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  encodeRelayHead,
  limits,
  relayedHeaders,
  relayPathOf,
  unwrap,
  zRelayRequest,
} from '@aitbc/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Session } from '../providers/sessions.ts';
import { type CarriedCall, carryCall } from './carry-call.ts';

/** Parts of the desk. */
export interface RelayDeskDeps {
  readonly sessions: { get(provider: string): Pick<Session, 'relay'> | undefined };
  readonly clock: Clock;
}

/** Takes calls for providers. */
export interface RelayDesk {
  /** Carries a call; the answer is written by itself. Throws RELAY_OFFLINE, RELAY_FULL, PAYLOAD_TOO_LARGE, BAD_REQUEST, NOT_FOUND. */
  carry(request: FastifyRequest, reply: FastifyReply): void;
  /** Cuts off the calls in which nothing goes on. */
  dropIdle(): void;
  /** Calls that are being carried. */
  readonly size: number;
}

const offlineRetrySeconds = 5; // a provider that lost its connection comes back with a back-off of up to ten
const fullRetrySeconds = 1;

/** A desk without calls, for at most so many at once. */
export function createRelayDesk(
  { sessions, clock }: RelayDeskDeps,
  callsMax: number = limits.relayCalls,
): RelayDesk {
  const calls = new Set<CarriedCall>();
  const senders = createCounts();
  return {
    get size() {
      return calls.size;
    },
    carry(request, reply) {
      const { address } = request.params as { readonly address: string };
      const line = sessions.get(address)?.relay;
      if (!line) {
        const facts = { account: address.slice(0, 100), retryAfterSeconds: offlineRetrySeconds };
        throw new AppError('RELAY_OFFLINE', facts);
      }
      assertRoom(calls.size, callsMax, 'This coordinator');
      assertRoom(senders.of(request.ip), limits.relayBodiesPerCaller, 'Your address');
      if (line.isFull()) throw full('This provider', limits.relayCallsPerProvider);
      const head = headOf(request, address);
      assertSize(request);
      const sent = senders.add(request.ip);
      const onOver = (): void => {
        sent();
        calls.delete(call);
      };
      const call = carryCall({ request, reply, head, line }, { clock, onBody: sent, onOver });
      if (call.isOver()) sent();
      else calls.add(call);
    },
    dropIdle() {
      const nowMs = clock.nowMs();
      for (const call of calls) call.cutIfLate(nowMs);
    },
  };
}

function assertRoom(size: number, limit: number, what: string): void {
  if (size >= limit) throw full(what, limit);
}

function full(what: string, limit: number): AppError {
  return new AppError('RELAY_FULL', { what, limit, retryAfterSeconds: fullRetrySeconds });
}

/** How many there are of each name. */
interface Counts {
  of(name: string): number;
  /** One more; the returned function takes it back, once. */
  add(name: string): () => void;
}

function createCounts(): Counts {
  const counts = new Map<string, number>();
  const of = (name: string): number => counts.get(name) ?? 0;
  return {
    of,
    add(name) {
      counts.set(name, of(name) + 1);
      let isCounted = true;
      return () => {
        if (!isCounted) return;
        isCounted = false;
        if (of(name) === 1) counts.delete(name);
        else counts.set(name, of(name) - 1);
      };
    },
  };
}

function assertSize({ headers }: FastifyRequest): void {
  const sizeBytes = Number(headers['content-length'] ?? 0);
  if (sizeBytes <= limits.bodyBytes) return;
  throw new AppError('PAYLOAD_TOO_LARGE', { sizeBytes, limitBytes: limits.bodyBytes });
}

/** Payload of the head frame: what follows the provider's address is the path there. */
function headOf({ raw, ip }: FastifyRequest, address: string): Uint8Array {
  const { method = '', url = '', headers } = raw;
  const prefix = relayPathOf(address);
  if (!url.startsWith(prefix)) throw new AppError('NOT_FOUND', { what: 'such a provider' });
  const path = url.slice(prefix.length);
  const head = { method, path, headers: relayedHeaders(headers), from: ip };
  return unwrap(encodeRelayHead(zRelayRequest, head));
}
