/**
 * Spends its coins twice: two transactions with one nonce at two nodes, and a withdrawal of what it has just promised. At
 * the end it takes its money out of the channel, and so shows that it can.
 */

import { base64 } from '@aitbc/primitives';
import { amountOf, type Hex, type SignedTx, type UnsignedTx } from '@aitbc/protocol';
import { assertFinal, createLocalSigner, createNodeClient, feeOf } from '@aitbc/sdk';
import { type ExitNote, noteTrouble } from '../books/books.ts';
import type { AgentPlace, ProviderPlace } from '../contract.ts';
import { withdrawDelayMs } from '../engines/start-engines.ts';
import { drawPauseMs, newJob } from './errands.ts';
import { scriptedSellers } from './freeloader.ts';
import { bodyOf, callByHand, headerOf, offerOf } from './hand-buyer.ts';
import { newKeys, secretKeyOf } from './keys.ts';
import { openChannelTo } from './open-channel.ts';
import type { AgentParts } from './parts.ts';

const fundNait = 150_000n;
const capNait = 60_000n;
const giftNait = 1_000n;
const waitMs = 10_000;
const exitPollMs = 500;
/** Share of the time with faults in which withdrawals are begun in any case; who begins late is waited for. */
const exitShare = 0.5;
/** Beside the delay itself, which does not run while the chain stands still: until a withdrawal that was begun is back. */
const exitGraceMs = 60_000;

/** Spends twice until the run is over; withdrawals are begun while there is time to see them end. */
export async function spendTwice(place: AgentPlace, parts: AgentParts): Promise<undefined> {
  const draw = parts.drawFor(place.name);
  const sellers = scriptedSellers(parts).filter(({ role }) => role === 'honest');
  const exits: Promise<void>[] = [];
  const { calmAtMs } = parts.plan;
  const exitsUntilMs = Math.max(calmAtMs - withdrawDelayMs, calmAtMs * exitShare);
  const trouble = (what: string) => (error: unknown) => noteTrouble(parts.notes, what, error);
  while (sellers.length > 0 && (await parts.pause(drawPauseMs(parts.plan, draw) / 2))) {
    await signTwice(place, parts).catch(trouble('signing twice'));
    if (parts.nowMs() > exitsUntilMs) continue;
    try {
      const note = await buyAndWithdraw(place, parts, draw.oneOf(sellers));
      if (note) exits.push(finishExit(place, parts, note));
    } catch (error) {
      trouble('buying and withdrawing')(error);
    }
  }
  await Promise.all(exits);
}

/** Two transfers with one nonce, at two nodes at once. */
async function signTwice({ name, keys }: AgentPlace, parts: AgentParts): Promise<void> {
  const { network, nodes } = parts.facts;
  const node = parts.nodeFor(name);
  const signer = createLocalSigner(network, secretKeyOf(keys));
  const { pendingNonce } = await node.rpc.state_getAccount({ address: keys.address });
  const { params } = await node.network();
  const signed = await Promise.all(
    [newKeys(), newKeys()].map(({ accountId }): Promise<SignedTx> => {
      const body = { to: accountId, amount: giftNait, memo: '' };
      return signer.signTx({
        ...{ kind: 'transfer', chain: network.chain, nonce: pendingNonce, validUntil: 0 },
        ...{ from: keys.accountId, fee: feeOf(params, 'transfer', body), body },
      } as unknown as UnsignedTx);
    }),
  );
  const honest = nodes.filter(({ role }) => role === 'honest');
  const note = { agent: name, what: 'two transfers with one nonce', allowed: 1 };
  parts.notes.spends.push({ ...note, txIds: signed.map(({ txId }) => txId) });
  await Promise.allSettled(
    signed.map((tx, at) => sendTo(honest[at % honest.length]?.url ?? '', tx)),
  );
}

async function sendTo(url: string, { bytes }: SignedTx): Promise<void> {
  const client = createNodeClient({ url });
  try {
    await client.rpc.tx_sendAndWait({ tx: base64(bytes), timeoutMs: waitMs });
  } finally {
    await client.close();
  }
}

/** Buys an answer, and begins to withdraw everything while it runs; undefined when that was not seen to be final. */
async function buyAndWithdraw(
  place: AgentPlace,
  parts: AgentParts,
  seller: ProviderPlace,
): Promise<ExitNote | undefined> {
  const { name, keys } = place;
  const { network } = parts.facts;
  const channel = await openChannelTo(seller, { place, amountNait: fundNait }, parts);
  const offer = await offerOf(seller);
  const draw = parts.drawFor(`${name} ${parts.nowMs()}`);
  const job = {
    ...newJob({ agent: name, via: 'hand', atMs: parts.nowMs() }, draw),
    maxTokens: 200,
  };
  const body = bodyOf(job);
  const promise = { key: job.key, tokens: job.maxTokens, cap: capNait };
  const header = headerOf(network, channel, { offer, body, promise });
  const answer = callByHand(seller, { body, header }, parts.signal);
  const { channelId } = channel;
  const sender = parts.senderFor(keys, name);
  const begun = sender.send('withdraw_init', { channelId, amount: fundNait }, { waitMs });
  const status = await begun.catch(() => undefined);
  await answer;
  if (status?.status !== 'final') return undefined;
  const reason = 'it was not asked for';
  const note = { agent: name, channelId, amountNait: fundNait, isBack: false, reason };
  parts.notes.exits.push(note);
  return note;
}

/** Takes out what is due, as soon as the chain lets it. */
async function finishExit(place: AgentPlace, parts: AgentParts, note: ExitNote): Promise<void> {
  const sender = parts.senderFor(place.keys, place.name);
  const untilMs = parts.nowMs() + withdrawDelayMs + exitGraceMs;
  while (parts.nowMs() < untilMs && !parts.signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, exitPollMs));
    try {
      assertFinal(await sender.send('withdraw_finalize', { channelId: note.channelId }), waitMs);
    } catch (error) {
      note.reason = String((error as Error).message);
    }
    if (await isEmpty(place, parts, note.channelId)) {
      note.isBack = true;
      note.reason = undefined;
      return;
    }
  }
}

/** Nothing is left in the channel beyond what was claimed. */
async function isEmpty({ name }: AgentPlace, parts: AgentParts, channelId: Hex): Promise<boolean> {
  try {
    const state = await parts.nodeFor(name).rpc.state_getChannel({ channelId });
    return amountOf(state.balance) === amountOf(state.totalClaimed);
  } catch {
    return false; // the node is away
  }
}
