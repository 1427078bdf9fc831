/**
 * Who is tied to whom by money: the graph of transfers, as far as it says that two accounts are one owner's.
 *
 * An account keeps its three largest incoming transfers. One of them counts as funding when it is a good part of all
 * that the account ever received (`materialShare`): change and refunds do not tie. Two accounts are tied when a walk up
 * along funding, at most `depthMax` steps on each side, meets: one funded the other, or somebody funded both.
 *
 * A faucet or an exchange funds everybody and ties nobody: an account that has sent to `hubAccounts` different accounts
 * is a hub, and no walk goes through it. Nor through `publicSources`, which the operator names: at the beginning of a
 * network its faucet has not sent to many yet.
 *
 * Limits: who takes each coin from another hub is not tied. A hub looks like an owner until it has sent to enough
 * accounts. Coins that accounts held in the genesis document are not in the stream. Rejected: all paths weighted by
 * amount, which no reader could follow by hand.
 */
import type { JsonValue } from '@aitbc/primitives';
import type { Hex } from '@aitbc/protocol';
import { type Bounded, createBounded } from './bounded.ts';
import { type ChainEvent, savedPart } from './detector.ts';

/** How two accounts are tied. */
export interface Tie {
  /** `direct`: one funded the other; `common`: somebody funded both. */
  readonly kind: 'direct' | 'common';
  /** The account in which the walks meet. */
  readonly owner: string;
  readonly txs: readonly Hex[];
}

/** The graph. */
export interface Funding {
  add(event: ChainEvent): void;
  tieOf(left: string, right: string): Tie | undefined;
  save(): JsonValue;
}

/** What decides whether accounts are tied. */
export interface FundingRules {
  readonly hubAccounts: number;
  readonly fundingMinNait: number;
  /** Accounts that tie nobody, however few they have sent to. */
  readonly publicSources?: readonly string[];
}

type Edge = [from: string, amountNait: number, txId: Hex];

interface Account {
  /** All that came in, nait. */
  total: number;
  edges: Edge[];
  /** Whom it sent to, up to the number that makes it a hub. */
  sentTo: string[];
}

const accountsKept = 20_000;
const edgesKept = 3;
const depthMax = 3;
const walksKept = 256;
/** A transfer funds an account when it is at least a fifth of all it received. */
const materialShare = 5;

/** An empty graph, or a saved one. */
export function createFunding(rules: FundingRules, saved?: JsonValue): Funding {
  const accounts = createBounded<Account>(accountsKept, savedPart(saved, 'accounts'));
  /** Walks since the last transfer: a judgement asks for the same accounts again and again. */
  const walks = new Map<string, ReadonlyMap<string, readonly Hex[]>>();
  const above = (name: string): ReadonlyMap<string, readonly Hex[]> => {
    const known = walks.get(name) ?? ancestorsOf(accounts, rules, name);
    if (walks.size < walksKept) walks.set(name, known);
    return known;
  };
  return {
    add({ txId, facts }) {
      if (facts.kind !== 'transfer' || facts.from === facts.to) return;
      const amount = Number(facts.amount);
      if (amount < rules.fundingMinNait) return;
      walks.clear();
      const { from, to } = facts;
      const receiver = accounts.open(to, emptyAccount);
      receiver.total += amount;
      if (rules.publicSources?.includes(from)) return;
      const sender = accounts.open(from, emptyAccount);
      if (sender.sentTo.length < rules.hubAccounts && !sender.sentTo.includes(to)) {
        sender.sentTo.push(to);
      }
      receiver.edges.push([from, amount, txId]);
      if (receiver.edges.length > edgesKept) {
        receiver.edges.sort((a, b) => b[1] - a[1]);
        receiver.edges.pop();
      }
    },
    tieOf(left, right) {
      if (left === right) return { kind: 'direct', owner: left, txs: [] };
      const known = above(left);
      for (const [owner, path] of above(right)) {
        const other = known.get(owner);
        if (!other) continue;
        const kind = owner === left || owner === right ? 'direct' : 'common';
        return { kind, owner, txs: [...other, ...path] };
      }
      return undefined;
    },
    save: () => ({ accounts: accounts.save() }),
  };
}

function emptyAccount(): Account {
  return { total: 0, edges: [], sentTo: [] };
}

/** Accounts that funded one, itself included, the nearest first, with the transfers on the way. */
function ancestorsOf(
  accounts: Bounded<Account>,
  rules: FundingRules,
  start: string,
): Map<string, readonly Hex[]> {
  const found = new Map<string, readonly Hex[]>([[start, []]]);
  let layer = [start];
  for (let depth = 0; depth < depthMax && layer.length > 0; depth += 1) {
    const next: string[] = [];
    for (const name of layer) {
      for (const [from, , txId] of fundersOf(accounts, rules, name)) {
        if (found.has(from)) continue;
        found.set(from, [txId, ...(found.get(name) ?? [])]);
        next.push(from);
      }
    }
    layer = next;
  }
  return found;
}

/** Transfers that funded an account: a good part of what it received, and not from a hub. */
function fundersOf(
  accounts: Bounded<Account>,
  { hubAccounts }: FundingRules,
  name: string,
): readonly Edge[] {
  const { edges, total } = accounts.get(name) ?? emptyAccount();
  return edges.filter(
    ([from, amount]) =>
      amount * materialShare >= total && (accounts.get(from)?.sentTo.length ?? 0) < hubAccounts,
  );
}
