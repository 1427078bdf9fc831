// What it costs a provider to admit one paid job, in process: the header from base64 to JSON to schema,
// the job id, the amounts and the signature. Real keys, a fresh voucher for every call, one channel. With `--peer`
// also what the stock x402 middleware of Express takes for the same (admission/x402.mjs).
// Run after `npm run build`:  node scripts/bench/admission.mjs [calls] [--rounds 1] [--peer] [--out FILE]

import { parseArgs } from 'node:util';
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
import { measureX402 } from './admission/x402.mjs';
import { machineText } from './lib/machine.mjs';
import { percentile, spreadOf, spreadText } from './lib/statistics.mjs';
import { writeJson } from './lib/write-json.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '1' },
    peer: { type: 'boolean', default: false },
    out: { type: 'string', default: '' },
  },
});
const calls = Number(positionals[0] ?? 3_000);
const rounds = Number(values.rounds);
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

/** Wall p50 and p99 and CPU of one call, µs. */
function measure(count, call) {
  const times = new Float64Array(count);
  const before = process.cpuUsage();
  for (let index = 0; index < count; index += 1) {
    const start = process.hrtime.bigint();
    call(index);
    times[index] = Number(process.hrtime.bigint() - start) / 1_000;
  }
  const { user, system } = process.cpuUsage(before);
  return {
    p50Us: percentile(times, 0.5),
    p99Us: percentile(times, 0.99),
    cpuUs: (user + system) / count,
  };
}

const headers = Array.from({ length: warmUp + calls * rounds }, (_, index) => headerOf(index));
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

const context = hex(randomBytes(32));
const sample = signVoucher(
  network,
  { channelId: channel.channelId, maxClaimable: 1n, context },
  buyer.secretKey,
);
const works = {
  'admission, header to reservation': (index) => step(headers[warmUp + index]),
  '  of it: read the header': (index) => decodePayment(headers[index], network.caip2),
  '  of it: voucher signature': () => verifyVoucher(network, sample, config.payerAuthorizer),
};
const found = Object.fromEntries(Object.keys(works).map((name) => [name, []]));
const x402 = [];
for (let round = 0; round < rounds; round += 1) {
  for (const [name, work] of Object.entries(works)) {
    found[name].push(measure(calls, (index) => work(round * calls + index)));
  }
  if (values.peer) x402.push(await measureX402({ seconds: 2 }));
}
const spread = (list, key) => spreadText(spreadOf(list.map((one) => one[key])));
console.log('one core, microseconds');
for (const [name, list] of Object.entries(found)) {
  const cells = ['p50Us', 'p99Us', 'cpuUs'].map((key) => `${key} ${spread(list, key)}`);
  console.log(`${name.padEnd(34)}${cells.join('   ')}`);
}
if (values.peer) {
  const { version } = x402[0];
  console.log(`@x402/express ${version}: the check adds ${spread(x402, 'cpuUs')} µs of CPU`);
}
console.log(`header: ${headers[0].length} bytes, ${calls} calls, must ≤ 150, aim 60`);
writeJson(values.out, { machine: machineText(), calls, rounds: found, x402 });
