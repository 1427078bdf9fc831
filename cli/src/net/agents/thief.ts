/**
 * A thief with the key of somebody's agent. It takes what the mandate leaves, and tries to take more: too much at a time,
 * to a friend, as a plain transfer, jobs above their bound. Then the owner revokes, and it tries on.
 */
import { hex, type KeyPair, randomBytes } from '@aitbc/primitives';
import { type Allocation, amountOf, mandateAllows } from '@aitbc/protocol';
import { assertFinal, type TxSender } from '@aitbc/sdk';
import { noteTrouble, type TheftNote } from '../books/books.ts';
import type { AgentPlace, Keys, ProviderPlace } from '../contract.ts';
import { withdrawDelayMs } from '../engines/start-engines.ts';
import { drawPauseMs, newJob } from './errands.ts';
import { scriptedSellers, tryCall } from './freeloader.ts';
import {
  allocationFor,
  bodyOf,
  callByHand,
  channelOf,
  type HandChannel,
  headerOf,
  offerOf,
} from './hand-buyer.ts';
import { keyPairOf, newKeys } from './keys.ts';
import type { AgentParts } from './parts.ts';

const vaultNait = 20_000_000n;
const feesNait = 50_000_000n;
const channelMaxNait = 100_000n;
const windowMaxNait = 300_000n;
const windowMs = 10_000;
const totalMaxNait = 900_000n;
const jobMaxNait = 30_000n;
const expiresAtHeight = 4_000_000_000;
const waitMs = 10_000;
const lookMs = 1_000;
/** Share of the run after which the owner revokes. */
const revokeShare = 0.4;
/** A provider trusts its view of the chain for a quarter of the withdraw delay, and a call has to arrive. */
const trustShare = 4;
const trustGraceMs = 3_000;

interface Heist {
  readonly place: AgentPlace;
  readonly parts: AgentParts;
  readonly subKeys: Keys;
  readonly hotKey: KeyPair;
  readonly sellers: readonly ProviderPlace[];
  readonly note: TheftNote;
  readonly hand: TxSender;
  readonly channels: {
    readonly seller: ProviderPlace;
    readonly channel: HandChannel;
    spent: bigint;
  }[];
}

/** Owner and thief in one, until the run is over. */
export async function stealKey(place: AgentPlace, parts: AgentParts): Promise<undefined> {
  const sellers = scriptedSellers(parts)
    .filter(({ role }) => role === 'honest')
    .slice(0, 3);
  if (sellers.length === 0) return;
  const subKeys = newKeys();
  while (!(await grant(place, parts, { subKeys, sellers }))) {
    if (!(await parts.pause(lookMs))) return;
  }
  const note: TheftNote = {
    ...{ agent: place.name, owner: place.keys.address, subKey: subKeys.address },
    ...{ totalMaxNait, windowMaxNait, jobMaxNait, revokedAtMs: undefined, asked: [] },
    spentAtRevocation: undefined,
  };
  parts.notes.thefts.push(note);
  const hand = parts.senderFor(subKeys, place.name);
  const hotKey = keyPairOf(subKeys);
  const heist: Heist = { place, parts, subKeys, hotKey, sellers, note, hand, channels: [] };
  const draw = parts.drawFor(place.name);
  while (await parts.pause(Math.min(3_000, drawPauseMs(parts.plan, draw) / 3))) {
    const isTime = parts.nowMs() > parts.plan.forMs * revokeShare;
    if (isTime && note.revokedAtMs === undefined) await revoke(heist);
    await fundMore(heist, draw.oneOf(sellers)).catch((error: unknown) => {
      noteTrouble(parts.notes, 'funding under a mandate', error);
    });
    await overreach(heist, draw.oneOf(sellers));
    await spendAbove(heist);
    await spend(heist);
  }
}

interface Granting {
  readonly subKeys: Keys;
  readonly sellers: readonly ProviderPlace[];
}

async function grant(
  { name, keys }: AgentPlace,
  parts: AgentParts,
  { subKeys, sellers }: Granting,
): Promise<boolean> {
  const owner = parts.senderFor(keys, name);
  const receivers = sellers.map((seller) => ({ receiver: seller.keys.accountId }));
  try {
    await parts.town.fund(subKeys.address, feesNait);
    const deposit = { amount: vaultNait, allocations: [] };
    assertFinal(await owner.send('vault_deposit', deposit, { waitMs }), waitMs);
    const terms = {
      ...{ subKey: subKeys.accountId, channelMaxNait, windowMaxNait, windowMs, totalMaxNait },
      ...{ jobMaxNait, receivers, models: [], allows: mandateAllows.channels, expiresAtHeight },
    };
    assertFinal(await owner.send('mandate_grant', terms, { waitMs }), waitMs);
    return true;
  } catch (error) {
    noteTrouble(parts.notes, 'granting a mandate', error);
    return false;
  }
}

async function revoke({ place, parts, subKeys, note }: Heist): Promise<void> {
  const owner = parts.senderFor(place.keys, place.name);
  const names = { owner: note.owner, subKey: note.subKey };
  try {
    await owner.send('mandate_revoke', { subKey: subKeys.accountId }, { waitMs });
  } catch {} // what counts is what the chain says
  try {
    const mandate = await parts.nodeFor(place.name).rpc.state_getMandate(names);
    if (!mandate.revoked) return;
    note.spentAtRevocation = amountOf(mandate.spentNait);
    note.revokedAtMs = parts.nowMs();
  } catch {} // asked again at the next turn
}

function allocationOf({ hotKey }: Heist, seller: ProviderPlace, amount: bigint): Allocation {
  return allocationFor(seller, hotKey, { amount, withdrawDelayMs });
}

/** Takes as much as goes at a time. */
async function fundMore(heist: Heist, seller: ProviderPlace): Promise<void> {
  const { place, parts, hotKey, hand, channels } = heist;
  const owner = place.keys.accountId;
  const allocation = allocationOf(heist, seller, channelMaxNait);
  assertFinal(await hand.send('mandate_fund', { owner, ...allocation }, { waitMs }), waitMs);
  const channel = channelOf(parts.facts.network, owner, { allocation, hotKey });
  channels.push({ seller, channel, spent: 0n });
}

/** Tries what the chain must refuse. */
async function overreach(heist: Heist, seller: ProviderPlace): Promise<void> {
  const { place, parts, subKeys, hand } = heist;
  const owner = place.keys.accountId;
  const stranger = { ...seller, keys: newKeys() };
  const tries = {
    'more than the mandate allows at a time': () =>
      hand.send('mandate_fund', { owner, ...allocationOf(heist, seller, channelMaxNait + 1n) }),
    'to a friend who is not on the list': () =>
      hand.send('mandate_fund', { owner, ...allocationOf(heist, stranger, 1n) }),
    'a plain transfer': () =>
      hand.send('mandate_transfer', { owner, to: subKeys.accountId, amount: 1n }),
  };
  for (const [what, attempt] of Object.entries(tries)) {
    const { status, answer } = await attempt().then(
      (sent) => ({ status: sent.status, answer: 'taken' }),
      (error: { code?: string }) => ({ status: 'refused', answer: error.code ?? 'failed' }),
    );
    parts.notes.tries.push({
      ...{ agent: place.name, what, mark: undefined, atMs: parts.nowMs(), at: 'the chain', answer },
      isRefused: status === 'refused',
    });
  }
}

/** Buys with the newest channel: one job within its bound, and one above. */
async function spend(heist: Heist): Promise<void> {
  const { place, parts, note, channels } = heist;
  const last = channels.at(-1);
  const offer = last && (await offerOf(last.seller).catch(() => undefined));
  if (!last || !offer) return;
  const { seller, channel } = last;
  const { network } = parts.facts;
  const isOver = isRevocationKnown(heist);
  const draw = parts.drawFor(hex(randomBytes(8)));
  const job = newJob({ agent: place.name, via: 'hand', atMs: parts.nowMs() }, draw);
  const body = bodyOf({ ...job, maxTokens: 40 });
  const promise = { key: job.key, tokens: 40, cap: last.spent + jobMaxNait - 1_000n };
  const header = headerOf(network, channel, { offer, body, promise });
  if (isOver) {
    const what = 'a job after the revocation';
    await tryCall(parts, { agent: place.name, what, seller, mark: job.mark, body, header });
  } else {
    const { status } = await callByHand(seller, { body, header }, parts.signal);
    if (status === 200) last.spent = promise.cap;
  }
  note.asked.push({ mark: job.mark, atMs: job.atMs, isOver });
}

/** A job that promises more than one job may, on a channel that has enough. */
async function spendAbove({ place, parts, channels }: Heist): Promise<void> {
  const fresh = channels.at(-1);
  const offer = fresh && (await offerOf(fresh.seller).catch(() => undefined));
  if (!fresh || fresh.spent > 0n || !offer) return;
  const { seller, channel } = fresh;
  const draw = parts.drawFor(hex(randomBytes(8)));
  const job = newJob({ agent: place.name, via: 'hand', atMs: parts.nowMs() }, draw);
  const body = bodyOf({ ...job, maxTokens: 300 });
  const promise = { key: job.key, tokens: 300, cap: channelMaxNait };
  const header = headerOf(parts.facts.network, channel, { offer, body, promise });
  const what = 'a job above the bound of the mandate';
  await tryCall(parts, { agent: place.name, what, seller, mark: job.mark, body, header });
}

/** Every honest provider has heard of the revocation by now, or trusts its view no more. */
function isRevocationKnown({ parts, note }: Heist): boolean {
  if (note.revokedAtMs === undefined) return false;
  const trustMs = withdrawDelayMs / trustShare + trustGraceMs;
  return parts.nowMs() > note.revokedAtMs + trustMs;
}
