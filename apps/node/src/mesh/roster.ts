/**
 * Who is connected, who may be, and who stays out. One connection per pair of nodes:
 *
 *   both dialled        the one dialled by the smaller key stays; both sides see the same two keys
 *   dialled us again    the newer stays: the older is one that the other side has lost
 *   we dialled again    the older stays; the newer ends before its hello, so the other side never sees it
 */
import { type Hex, limits } from '@aitbc/protocol';
import type { ByeReason } from './link/frames.ts';
import type { Link } from './link/link.ts';

const bansMax = 1_024; // the oldest is forgotten; a new key costs an attacker nothing anyway

/** Options of `createRoster`. */
export interface RosterOptions {
  readonly self: Hex;
  readonly followers: number;
  readonly banMs: number;
}

/** Validators and nodes that we were told to keep a connection to always find a place. */
export interface RosterDeps {
  isExpected(publicKey: Hex): boolean;
  nowMs(): number;
}

/** Open connections and bans. */
export interface Roster {
  get(publicKey: Hex): Link | undefined;
  links(): Link[];
  /** Why a connection in its greeting may not open; undefined when it may, in place of `get(key)`. */
  refusalOf(link: Pick<Link, 'publicKey' | 'direction'>): ByeReason | undefined;
  put(link: Link): void;
  /** False when it was not the connection to its peer. */
  remove(link: Link): boolean;
  ban(publicKey: Hex): void;
  isBanned(publicKey: Hex): boolean;
}

/** An empty roster. */
export function createRoster(
  { self, followers, banMs }: RosterOptions,
  { isExpected, nowMs }: RosterDeps,
): Roster {
  const open = new Map<Hex, Link>();
  const bans = new Map<Hex, number>();
  const isBanned = (publicKey: Hex): boolean => (bans.get(publicKey) ?? 0) > nowMs();
  const strangers = (): number =>
    [...open.values()].filter((link) => link.direction === 'in' && !isExpected(link.publicKey))
      .length;
  return {
    get: (publicKey) => open.get(publicKey),
    links: () => [...open.values()],
    refusalOf({ publicKey, direction }) {
      if (isBanned(publicKey)) return 'banned';
      const other = open.get(publicKey);
      if (other) return isReplacedBy(other.direction, direction) ? undefined : 'duplicate';
      if (direction === 'out' || isExpected(publicKey)) {
        return open.size < followers + limits.validators ? undefined : 'full';
      }
      return strangers() < followers ? undefined : 'full';

      function isReplacedBy(older: Link['direction'], newer: Link['direction']): boolean {
        if (older === newer) return newer === 'in';
        return newer === (self < publicKey ? 'out' : 'in');
      }
    },
    put: (link) => void open.set(link.publicKey, link),
    remove(link) {
      return open.get(link.publicKey) === link && open.delete(link.publicKey);
    },
    ban(publicKey) {
      bans.delete(publicKey);
      bans.set(publicKey, nowMs() + banMs);
      if (bans.size > bansMax) bans.delete(bans.keys().next().value as Hex);
    },
    isBanned,
  };
}
