// What it costs a provider to admit one paid job, in process: the header from base64 to JSON to schema,
// the job id, the amounts and the signature. Real keys, a fresh voucher for every call, one channel.
// Run after `npm run build`:  node scripts/bench/admission.mjs [calls]

import { admitJob, endJob, recordOf } from '@aitbc/market';
import { hex, keyPairFromSeed, randomBytes } from '@aitbc/primitives';
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
  verifyVoucher,
} from '@aitbc/protocol';

const calls = Number(process.argv[2] ?? 3_000);
const warmUp = 500;
const network = networkFromHash('bench', hex(randomBytes(32)));
const buyer = keyPairFromSeed(randomBytes(32));
const provider = hex(randomBytes(32));
const authorizer = hex(randomBytes(32));
const payer = hex(randomBytes(32));
const offerId = hex(randomBytes(32));
const body = new TextEncoder().encode(
  JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(400) }] }),
);

const config = {
  payer,
  payerAuthorizer: hex(buyer.publicKey),
  receiver: provider,
  receiverAuthorizer: authorizer,
  withdrawDelayMs: 3_600_000,
  salt: hex(randomBytes(32)),
};
const channel = {
  ...config,
  channelId: channelIdOf(network, config),
  balance: 10n ** 12n,
  totalClaimed: 0n,
  withdrawAmount: 0n,
  withdrawDueMs: 0,
  refundNonce: 0,
  closed: false,
};
const offer = {
  offerId,
  price: { inputPerMTok: 50_000n, outputPerMTok: 150_000n, perRequest: 0n },
  withdrawDelayMsMin: 5_000,
  jobMax: 10n ** 6n,
};
const seller = { network, provider, authorizer };
const requirements = requirementsOf(
  offerId,
  {
    network: network.caip2,
    provider: 'ait1bench',
    authorizer,
    withdrawDelayMsMin: 5_000,
    windowTokens: 16,
  },
  100n,
);

function headerOf(index) {
  const idempotencyKey = `call-${index}`;
  const bodyDigest = bodyDigestOf(body);
  const jobId = jobIdOf(network, { payer, idempotencyKey, bodyDigest });
  const tokens = 16;
  const context = startContext(network, { offerId, jobId, bodyDigest, tokens });
  const maxClaimable = BigInt(index + 1) * 100n;
  const { channelId } = channel;
  const voucher = signVoucher(network, { channelId, maxClaimable, context }, buyer.secretKey);
  return encodePayment(requirements, {
    type: 'voucher',
    offerId,
    channelId,
    idempotencyKey,
    tokens,
    maxClaimable: maxClaimable.toString(),
    signature: voucher.signature,
  });
}

function admit(record, header) {
  const payment = decodePayment(header, network.caip2);
  if (!payment.ok) throw new Error(payment.code);
  const bodyDigest = bodyDigestOf(body);
  const { idempotencyKey, maxClaimable, ...rest } = payment.value;
  const jobId = jobIdOf(network, { payer, idempotencyKey, bodyDigest });
  const voucher = { ...rest, maxClaimable: BigInt(maxClaimable) };
  const request = {
    jobId,
    offer,
    known: undefined,
    bodyDigest,
    promptBound: 480,
    voucher,
    mirrorAgeMs: 0,
  };
  const verdict = admitJob(seller, record, request);
  if (!verdict.ok || verdict.value.kind !== 'admitted') throw new Error(JSON.stringify(verdict));
  return verdict.value;
}

function measure(what, count, call) {
  const times = new Float64Array(count);
  const before = process.cpuUsage();
  for (let index = 0; index < count; index += 1) {
    const start = process.hrtime.bigint();
    call(index);
    times[index] = Number(process.hrtime.bigint() - start) / 1_000;
  }
  const { user, system } = process.cpuUsage(before);
  times.sort();
  const at = (share) =>
    times[Math.min(count - 1, Math.floor(count * share))].toFixed(1).padStart(8);
  const cpu = ((user + system) / count).toFixed(1).padStart(8);
  console.log(`${what.padEnd(34)}${at(0.5)}${at(0.99)}${cpu}`);
}

const headers = Array.from({ length: warmUp + calls }, (_, index) => headerOf(index));
let record = recordOf(channel);
const step = (header) => {
  const { record: admitted, job } = admit(record, header);
  record = endJob(admitted, job.jobId, {
    outcome: 'complete',
    promptTokens: 0,
    isLate: false,
  }).record;
};
for (const header of headers.slice(0, warmUp)) step(header);

console.log(`${'one core, microseconds'.padEnd(34)}     p50     p99     CPU`);
measure('admission, header to reservation', calls, (index) => step(headers[warmUp + index]));
measure('  of it: read the header', calls, (index) => decodePayment(headers[index], network.caip2));
const context = hex(randomBytes(32));
const sample = signVoucher(
  network,
  { channelId: channel.channelId, maxClaimable: 1n, context },
  buyer.secretKey,
);
measure('  of it: voucher signature', calls, () =>
  verifyVoucher(network, sample, config.payerAuthorizer),
);
console.log(`header: ${headers[0].length} bytes, ${calls} calls, must ≤ 150, aim 60`);
