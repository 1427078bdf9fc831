/** A real node with many channels on its chain: opened by the transactions that gateways send, claimed as providers claim. */
import { join } from 'node:path';
import { hex, sha256, sign, utf8 } from '@aitbc/primitives';
import {
  channelConfigOf,
  channelIdOf,
  claimBytes,
  signTx,
  signVoucher,
  zeroHash,
} from '@aitbc/protocol';
import { accountOfNumber, createGenesis, openLanes, startNetwork } from '../lib/brother-chain.mjs';
import { runIdle, runLoad } from '../lib/load.mjs';
import { cpuOf, residentMb } from '../lib/machine.mjs';
import { after, withCleanup } from '../lib/processes.mjs';
import { requestText } from '../lib/rpc-client.mjs';

const payerCount = 16;
const perDeposit = 16; // allocations of a deposit
const rowsPerClaim = 100;
const fee = 2_000_000n;
const amount = 1_000_000n;
const openSecondsMax = 300;
const settleMs = 500;
const pauseMs = 50;
const receiver = accountOfNumber(9_001);
const stranger = accountOfNumber(9_002);
const payers = Array.from({ length: payerCount }, (_, at) => accountOfNumber(at));

/** Memory of the node with that many channels, and what a claim takes. */
export function measureNode({ folder, channels, claims }) {
  return withCleanup(async (undo) => {
    const genesis = createGenesis({
      folder: join(folder, 'chain'),
      validators: 1,
      accounts: [...payers, receiver, stranger],
    });
    const started = await startNetwork({ genesis, folder, undo });
    const [node] = started.nodes;
    const { opened, signed } = openings(genesis.network, channels);
    const open = await openLanes(started, { signed, connections: payerCount, undo });
    const { perSecond } = await runLoad({ ...open, seconds: openSecondsMax, batch: 4, window: 16 });
    const texts = Array.from({ length: claims }, (_, at) =>
      claimTx(genesis.network, { opened, at }),
    );
    const claiming = [{ account: stranger, texts }];
    const lane = await openLanes(started, { signed: claiming, connections: 1, undo });
    await after(settleMs);
    const beforeUs = cpuOf(node.pid).allUs;
    const { p50Ms, p99Ms } = await runIdle({ ...lane, count: claims, pauseMs });
    return {
      opensPerSecond: perSecond * perDeposit,
      ...{ claimMs: p50Ms, claimP99Ms: p99Ms },
      cpuUsPerRow: (cpuOf(node.pid).allUs - beforeUs) / (claims * rowsPerClaim),
      residentMb: residentMb(node.pid),
    };
  });
}

/** Deposits that open the channels, spread over the payers, and the channels with the number of their payer. */
function openings(network, channels) {
  const opened = [];
  const deposits = Math.ceil(channels / perDeposit);
  const texts = payers.map(() => []);
  for (let at = 0; at < deposits; at += 1) {
    const who = at % payerCount;
    const allocations = Array.from({ length: perDeposit }, (_, place) => ({
      receiver: receiver.id,
      payerAuthorizer: payers[who].id,
      receiverAuthorizer: receiver.id,
      withdrawDelayMs: 60_000,
      salt: hex(sha256(utf8(`${at} ${place}`))),
      amount,
    }));
    for (const allocation of allocations) {
      const config = channelConfigOf(payers[who].id, allocation);
      opened.push({ who, channelId: channelIdOf(network, config) });
    }
    const body = { amount: amount * BigInt(perDeposit), allocations };
    const sent = { kind: 'vault_deposit', body, nonce: texts[who].length };
    texts[who].push(requestOf(network, payers[who], sent));
  }
  const signed = payers.map((account, at) => ({ account, texts: texts[at] }));
  return { opened, signed: signed.filter((one) => one.texts.length > 0) };
}

function requestOf(network, from, { kind, nonce, body }) {
  const envelope = { kind, chain: network.chain, lane: 0, nonce, validUntil: 0 };
  const tx = signTx(network, { ...envelope, from: from.id, fee, body }, from.keys.secretKey);
  const base64 = Buffer.from(tx.bytes).toString('base64');
  return requestText({ method: 'tx_send', params: { tx: base64 }, id: nonce });
}

/** Rows of channels spread over all; each claim raises what the one before claimed. */
function claimTx(network, { opened, at }) {
  const rows = Array.from({ length: rowsPerClaim }, (_, row) => {
    const { who, channelId } = opened[((row * 7_919 + 1) * (at + 1)) % opened.length];
    const maxClaimable = BigInt((at + 1) * rowsPerClaim + row);
    const voucher = { channelId, maxClaimable, context: zeroHash };
    const { signature } = signVoucher(network, voucher, payers[who].keys.secretKey);
    return { ...voucher, voucherSignature: signature, totalClaimed: maxClaimable };
  });
  const signature = hex(sign(claimBytes(network, rows), receiver.keys.secretKey));
  const body = { receiverAuthorizer: receiver.id, rows, authorizerSignature: signature };
  return requestOf(network, stranger, { kind: 'channel_claim', nonce: at, body });
}
