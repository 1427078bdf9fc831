/**
 * Before the doors open: the whole check of a payment, from header to reservation, on throw-away keys and
 * a channel that exists nowhere. A good voucher must pass and a forged one must be refused, or the daemon
 * does not start: a provider whose verifier is broken would work for nothing or refuse everybody. The
 * rounds also let the runtime compile this path, so that the first buyer does not wait for it.
 */
import { admitJob, type ChannelRecord, endJob, recordOf } from '@aitbc/market';
import { hex, keyPairFromSeed, randomBytes } from '@aitbc/primitives';
import {
  AppError,
  type ChannelState,
  channelIdOf,
  decodePayment,
  encodePayment,
  type Hex,
  jobIdOf,
  type Network,
  signVoucher,
  startContext,
  type VoucherPayment,
} from '@aitbc/protocol';

const rounds = 200; // enough for the optimising compiler, about 0.1 s
const capPerRound = 1_000n;
const tokens = 16;

interface Stage {
  readonly network: Network;
  readonly channel: ChannelState;
  readonly secretKey: Uint8Array;
  readonly offerId: Hex;
  readonly bodyDigest: Hex;
}

/** Throws INTERNAL when a good payment is refused or a forged one is taken. */
export function proveAdmission(network: Network): void {
  const stage = createStage(network);
  let record = recordOf(stage.channel);
  for (let round = 1; round <= rounds; round += 1) {
    const payment = paymentOf(stage, round);
    const header = encodePayment({ ...requirements, network: network.caip2 }, payment);
    const forged = { ...payment, maxClaimable: `${BigInt(payment.maxClaimable) + 1n}` };
    const refusal = admit(stage, record, forged);
    if (refusal.ok || refusal.code !== 'VOUCHER_SIGNATURE_INVALID') fail('took a forged voucher');
    const read = decodePayment(header, network.caip2);
    const verdict = read.ok ? admit(stage, record, read.value) : read;
    if (!verdict.ok || verdict.value.kind !== 'admitted') fail('refused a good voucher');
    const { record: admitted, job } = verdict.value;
    const ended = { outcome: 'complete', promptTokens: 0, isLate: false } as const;
    record = endJob(admitted, job.jobId, ended).record;
  }
}

const requirements = {
  scheme: 'batch-settlement',
  amount: '0',
  asset: 'native',
  payTo: '',
  maxTimeoutSeconds: 1,
  extra: {},
};

function fail(what: string): never {
  throw new AppError('INTERNAL', { reason: `the self-test of payment verification ${what}` });
}

function createStage(network: Network): Stage {
  const payerKey = keyPairFromSeed(randomBytes(32));
  const config = {
    payer: hex(randomBytes(32)),
    payerAuthorizer: hex(payerKey.publicKey),
    receiver: hex(randomBytes(32)),
    receiverAuthorizer: hex(randomBytes(32)),
    withdrawDelayMs: 3_600_000,
    salt: hex(randomBytes(32)),
  };
  const channel: ChannelState = {
    ...config,
    channelId: channelIdOf(network, config),
    balance: capPerRound * BigInt(rounds + 1),
    totalClaimed: 0n,
    withdrawAmount: 0n,
    withdrawDueMs: 0,
    refundNonce: 0,
    closed: false,
  };
  const [offerId, bodyDigest] = [hex(randomBytes(32)), hex(randomBytes(32))];
  return { network, channel, secretKey: payerKey.secretKey, offerId, bodyDigest };
}

function jobOf({ network, channel, bodyDigest }: Stage, idempotencyKey: string): Hex {
  return jobIdOf(network, { payer: channel.payer, idempotencyKey, bodyDigest });
}

function paymentOf(stage: Stage, round: number): VoucherPayment {
  const { network, offerId, bodyDigest, secretKey } = stage;
  const { channelId } = stage.channel;
  const idempotencyKey = `self-test ${round}`;
  const jobId = jobOf(stage, idempotencyKey);
  const context = startContext(network, { offerId, jobId, bodyDigest, tokens });
  const maxClaimable = capPerRound * BigInt(round);
  const { signature } = signVoucher(network, { channelId, maxClaimable, context }, secretKey);
  const cap = maxClaimable.toString();
  return {
    type: 'voucher',
    offerId,
    channelId,
    idempotencyKey,
    tokens,
    maxClaimable: cap,
    signature,
  };
}

function admit(stage: Stage, record: ChannelRecord, payment: VoucherPayment) {
  const { network, channel, bodyDigest } = stage;
  const { offerId, idempotencyKey, maxClaimable, channelId, signature } = payment;
  const cap = BigInt(maxClaimable);
  return admitJob(
    { network, provider: channel.receiver, authorizer: channel.receiverAuthorizer },
    record,
    {
      jobId: jobOf(stage, idempotencyKey),
      offer: {
        offerId,
        price: { inputPerMTok: 1_000_000n, outputPerMTok: 1_000_000n, perRequest: 0n },
        withdrawDelayMsMin: 0,
        jobMax: capPerRound * BigInt(rounds),
      },
      known: undefined,
      bodyDigest,
      promptBound: 1,
      voucher: { offerId, channelId, tokens, maxClaimable: cap, signature },
      mirrorAgeMs: 0,
    },
  );
}
