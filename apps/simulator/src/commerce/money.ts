/** Deeds with money: transfers, vaults, channels with vouchers and claims, refunds, withdrawals. */
import { hex, sign } from '@aitbc/primitives';
import {
  type Allocation,
  type ChannelState,
  type ClaimRow,
  claimBytes,
  refundBytes,
  signVoucher,
} from '@aitbc/protocol';
import {
  type Deed,
  type DeedMaker,
  type Person,
  personOf,
  pickEntry,
  randomAmount,
  randomHash,
  type Scene,
} from './scene.ts';

const amountMax = 1_000_000;
const delaysMs = [1_000, 3_000, 20_000];
const salts = 2;

/** A channel between two people; few salts, so that the same one is filled again. */
export function allocationOf(scene: Scene, from: Person): Allocation {
  const { random } = scene;
  const receiver = random.pick(scene.people.filter(({ id }) => id !== from.id));
  return {
    receiver: receiver.id,
    payerAuthorizer: from.id,
    receiverAuthorizer: receiver.id,
    withdrawDelayMs: random.pick(delaysMs),
    salt: `${random.below(salts)}`.repeat(64),
    amount: randomAmount(scene, amountMax),
  };
}

const transfer: DeedMaker = (scene) => {
  const from = scene.random.pick(scene.people);
  const to = scene.random.pick(scene.people).id;
  return { from, kind: 'transfer', body: { to, amount: randomAmount(scene, amountMax), memo: '' } };
};

const deposit: DeedMaker = (scene) => {
  const from = scene.random.pick(scene.people);
  const allocations = Array.from({ length: scene.random.below(3) }, () =>
    allocationOf(scene, from),
  );
  const sum = allocations.reduce((total, { amount }) => total + amount, 0n);
  const amount = scene.random.chance(0.8) ? sum + BigInt(scene.random.below(1_000)) : sum / 2n;
  return { from, kind: 'vault_deposit', body: { amount, allocations } };
};

const vaultWithdraw: DeedMaker = (scene) => ({
  from: scene.random.pick(scene.people),
  kind: 'vault_withdraw',
  body: { amount: randomAmount(scene, amountMax) },
});

const fund: DeedMaker = (scene) => {
  const from = scene.random.pick(scene.people);
  return { from, kind: 'channel_fund', body: allocationOf(scene, from) };
};

/** A voucher of the payer, and how much of it is claimed: mostly in order, now and then too much or forged. */
function rowOf(scene: Scene, { channelId, balance, payer, totalClaimed }: ChannelState): ClaimRow {
  const { network, random } = scene;
  const signer = random.chance(0.95) ? personOf(scene, payer) : random.pick(scene.people);
  const claimed = totalClaimed + randomAmount(scene, Number(balance - totalClaimed) + 2);
  const maxClaimable = random.chance(0.9) ? claimed + BigInt(random.below(100)) : claimed - 1n;
  const voucher = { channelId, maxClaimable, context: randomHash(scene) };
  const { secretKey } = signer ?? random.pick(scene.people);
  const { signature, context } = signVoucher(network, voucher, secretKey);
  return { channelId, maxClaimable, context, voucherSignature: signature, totalClaimed: claimed };
}

const claim: DeedMaker = (scene) => {
  const { random, network, view } = scene;
  const first = pickEntry(
    scene,
    view.all('channel'),
    ({ closed }) => !closed || random.chance(0.1),
  );
  const receiver = first && personOf(scene, first[1].receiverAuthorizer);
  if (!first || !receiver) return undefined;
  const mine = [...view.all('channel').values()].filter(
    ({ receiverAuthorizer }) => receiverAuthorizer === receiver.id,
  );
  const rows = random
    .shuffled(mine)
    .slice(0, 3)
    .map((channel) => rowOf(scene, channel));
  if (random.chance(0.1) && rows[0]) rows.push(rows[0]);
  const authorizerSignature = hex(sign(claimBytes(network, rows), receiver.secretKey));
  const body = { receiverAuthorizer: receiver.id, rows, authorizerSignature };
  return {
    from: random.chance(0.9) ? receiver : random.pick(scene.people),
    kind: 'channel_claim',
    body,
  };
};

const refund: DeedMaker = (scene) => {
  const found = pickEntry(scene, scene.view.all('channel'), ({ closed }) => !closed);
  const receiver = found && personOf(scene, found[1].receiverAuthorizer);
  if (!found || !receiver) return undefined;
  const [channelId, { balance, totalClaimed, refundNonce }] = found;
  const free = balance - totalClaimed;
  const amount = scene.random.chance(0.3) ? free : randomAmount(scene, Number(free) + 1);
  const terms = { channelId, amount, refundNonce };
  const authorizerSignature = hex(sign(refundBytes(scene.network, terms), receiver.secretKey));
  return { from: receiver, kind: 'channel_refund', body: { ...terms, authorizerSignature } };
};

const withdraw: DeedMaker = (scene) => {
  const found = pickEntry(scene, scene.view.all('channel'), ({ closed }) => !closed);
  const payer = found && personOf(scene, found[1].payer);
  if (!found || !payer) return undefined;
  const amount = scene.random.chance(0.3) ? 2n ** 60n : randomAmount(scene, amountMax);
  return { from: payer, kind: 'withdraw_init', body: { channelId: found[0], amount } };
};

const finalize: DeedMaker = (scene) => {
  const isDue = ({ withdrawDueMs }: ChannelState): boolean =>
    withdrawDueMs > 0 && (withdrawDueMs <= scene.now().timeMs || scene.random.chance(0.1));
  const found = pickEntry(scene, scene.view.all('channel'), isDue);
  if (!found) return undefined;
  const from = scene.random.pick(scene.people);
  return { from, kind: 'withdraw_finalize', body: { channelId: found[0] } };
};

/** Several of them in one transaction, all or nothing. */
const batch: DeedMaker = (scene) => {
  const first = transfer(scene);
  if (!first) return undefined;
  const { from } = first;
  const own = [vaultWithdraw(scene), fund(scene)].filter((deed) => deed?.from.id === from.id);
  const operations = [first, ...own].flatMap((deed) =>
    deed ? [{ kind: deed.kind, body: deed.body }] : [],
  );
  const body = { operations } as Extract<Deed, { readonly kind: 'batch' }>['body'];
  return { from, kind: 'batch', body };
};

export const moneyDeeds: readonly DeedMaker[] = [
  transfer,
  deposit,
  deposit,
  vaultWithdraw,
  fund,
  claim,
  claim,
  refund,
  withdraw,
  finalize,
  finalize,
  batch,
];
