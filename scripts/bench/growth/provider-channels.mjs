/**
 * A provider's books with many channels, as a process of its own: the real books over the real SQLite file. Prints one line: the
 * memory that the channels take, and what it takes to admit a job on one of them, drawn by lot: header read, voucher
 * checked, reservation committed. Run by growth/channels.mjs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { hex, keyPairFromSeed, sha256, utf8 } from '@aitbc/primitives';
import {
  bodyDigestOf,
  channelIdOf,
  decodePayment,
  encodePayment,
  jobIdOf,
  networkFromHash,
  requirementsOf,
  signVoucher,
  startContext,
} from '@aitbc/protocol';
import { residentPartsMb } from '../lib/machine.mjs';
import { percentile } from '../lib/statistics.mjs';

// Parts of the built provider: an app exports nothing, so they are taken by their place.
const dist = new URL('../../../apps/provider/dist/', import.meta.url);
const { openProviderStore } = await import(new URL('store.js', dist));
const { createChannelBooks } = await import(new URL('jobs/channel-books.js', dist));

const [channels, calls] = process.argv.slice(2).map(Number);
const warmUp = 300;
const perTurn = 500; // channels that are written in one commit
const buyerCount = 256;
const tokens = 16;
const network = networkFromHash('bench', 'ab'.repeat(32));
const idOf = (text) => hex(sha256(utf8(text)));
const buyers = Array.from({ length: buyerCount }, (_, at) =>
  keyPairFromSeed(sha256(utf8(`buyer ${at}`))),
);
const [provider, authorizer, offerId] = ['provider', 'authorizer', 'offer'].map(idOf);
const price = { inputPerMTok: 50_000n, outputPerMTok: 150_000n, perRequest: 0n };
const offer = { offerId, price, withdrawDelayMsMin: 5_000, jobMax: 10n ** 6n };
const body = utf8(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }] }));
const bodyDigest = bodyDigestOf(body);

function channelOf(number) {
  const buyer = hex(buyers[number % buyerCount].publicKey);
  const config = {
    ...{ payer: buyer, payerAuthorizer: buyer, receiver: provider, receiverAuthorizer: authorizer },
    ...{ withdrawDelayMs: 3_600_000, salt: idOf(`channel ${number}`) },
  };
  return {
    ...config,
    channelId: channelIdOf(network, config),
    ...{ balance: 10n ** 12n, totalClaimed: 0n, withdrawAmount: 0n, withdrawDueMs: 0 },
    ...{ refundNonce: 0, closed: false },
  };
}

function headerOf(call, number) {
  const { channelId, payer } = channelOf(number);
  const idempotencyKey = `call-${call}`;
  const jobId = jobIdOf(network, { payer, idempotencyKey, bodyDigest });
  const context = startContext(network, { offerId, jobId, bodyDigest, tokens });
  const maxClaimable = BigInt(call + 1) * 1_000n;
  const { secretKey } = buyers[number % buyerCount];
  const { signature } = signVoucher(network, { channelId, maxClaimable, context }, secretKey);
  const terms = { network: network.caip2, provider: 'ait1bench', authorizer };
  const offered = { ...terms, withdrawDelayMsMin: 5_000, windowTokens: 16 };
  return encodePayment(requirementsOf(offerId, offered, 100n), {
    type: 'voucher',
    ...{ offerId, channelId, idempotencyKey, tokens, signature },
    maxClaimable: maxClaimable.toString(),
  });
}

async function admit(books, header) {
  const payment = decodePayment(header, network.caip2);
  if (!payment.ok) throw new Error(payment.code);
  const { idempotencyKey, maxClaimable, ...rest } = payment.value;
  const { payer } = books.get(rest.channelId).channel;
  const verdict = books.admit(rest.channelId, {
    jobId: jobIdOf(network, { payer, idempotencyKey, bodyDigest }),
    ...{ offer, known: undefined, bodyDigest, promptBound: 48, mirrorAgeMs: 0, model: 'm' },
    voucher: { ...rest, maxClaimable: BigInt(maxClaimable) },
  });
  if (!verdict.ok || verdict.value.kind !== 'admitted') throw new Error(JSON.stringify(verdict));
  await books.written();
}

function ownMb() {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return residentPartsMb(process.pid).ownMb;
}

const folder = mkdtempSync(join(tmpdir(), 'aitbc-books-'));
try {
  const store = await openProviderStore(join(folder, 'provider.sqlite'), network.genesisHash);
  const books = createChannelBooks({
    ...{ seller: { network, provider, authorizer }, store },
    mandates: { refusal: () => undefined },
    nowMs: Date.now,
    onLoss() {},
  });
  const emptyMb = ownMb();
  for (let at = 0; at < channels; at += 1) {
    books.observe(channelOf(at));
    if (at % perTurn === 0) await books.written();
  }
  await books.written();
  const fullMb = ownMb();
  const headers = Array.from({ length: warmUp + calls }, (_, call) =>
    headerOf(call, (call * 7_919) % channels),
  );
  for (const header of headers.slice(0, warmUp)) await admit(books, header);
  const times = [];
  const before = process.cpuUsage();
  for (const header of headers.slice(warmUp)) {
    const begunMs = performance.now();
    await admit(books, header);
    times.push((performance.now() - begunMs) * 1_000);
  }
  const { user, system } = process.cpuUsage(before);
  const [p50Us, p99Us] = [0.5, 0.99].map((share) => percentile(times, share));
  const figures = {
    channels,
    fullMb,
    channelsMb: fullMb - emptyMb,
    cpuUs: (user + system) / calls,
  };
  console.log(JSON.stringify({ ...figures, p50Us, p99Us }));
  await store.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
