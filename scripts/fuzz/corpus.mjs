/** Real encodings to start from: the golden vectors of the packages, and what their builders make of them. */
import { readFileSync } from 'node:fs';
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  addressOf,
  decodeHeader,
  decodeMeshMessage,
  decodeTx,
  networkFromGenesis,
  requirementsOf,
  signDocument,
} from '@aitbc/protocol';

const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'hex'));
const fill = (byte) => byte.repeat(32);

function vectors(path) {
  return JSON.parse(readFileSync(new URL(`../../packages/${path}.json`, import.meta.url), 'utf8'));
}

/** All samples. Throws when a vector is not what it was. */
export function loadCorpus() {
  const { genesis, genesisBlock, nextBlock } = vectors('chain/vectors/blocks');
  const network = networkFromGenesis(genesis);
  const txs = vectors('chain/vectors/transactions').transactions.map(({ bytes }) => bytesOf(bytes));
  const signed = txs.map((bytes) => acceptedOf(decodeTx(network, bytes)));
  const headers = [genesisBlock, nextBlock].map(({ headerBytes }) => bytesOf(headerBytes));
  const mesh = vectors('protocol/vectors/mesh').map(({ bytes }) => bytesOf(bytes));
  const messages = mesh.map((bytes) => acceptedOf(decodeMeshMessage(bytes)));
  const bundle = messages.find(({ type }) => type === 'snapshot').bundle;
  const header = acceptedOf(decodeHeader(headers[0]));
  const base = { network, genesis, txs, signed, headers, header, mesh, messages, bundle };
  return { ...base, chunk: bytesOf(vectors('chain/vectors/tree').chunk), ...payments(network) };
}

function acceptedOf(verdict) {
  if (!verdict.ok) throw new Error(`a vector is refused: ${verdict.code}`);
  return verdict.value;
}

function payments(network) {
  const keys = keyPairFromSeed(new Uint8Array(32).fill(2));
  const publicKey = hex(keys.publicKey);
  const signer = { publicKey, secretKey: keys.secretKey };
  const shared = { v: 1, network: network.caip2, provider: addressOf(publicKey), model: 'tiny' };
  const offerPayload = {
    ...{ ...shared, authorizer: publicKey, endpoint: 'http://127.0.0.1:8008' },
    ...{ digest: `sha256:${fill('ee')}`, quantization: 'F16', contextMax: 2048, outputMax: 512 },
    price: { inputPerMTok: '50000000', outputPerMTok: '150000000', perRequest: '1000' },
    ...{
      windowTokens: 16,
      serves: ['chat'],
      canResume: true,
      firstTokenMs: 5000,
      withdrawDelayMsMin: 1000,
    },
    ...{ validFromMs: 1000, validUntilMs: 2000 },
  };
  const receiptPayload = {
    ...{ ...shared, jobId: fill('01'), offerId: fill('02'), channelId: fill('03') },
    ...{ digest: `sha256:${fill('ee')}`, from: 0, to: 16, prefixHash: fill('04') },
    ...{ textHash: fill('05'), promptTokens: 7, outcome: 'complete', charged: '77' },
    ...{ chargedCumulative: '99', atMs: 1500 },
  };
  const voucher = {
    ...{ type: 'voucher', offerId: fill('02'), channelId: fill('03'), idempotencyKey: 'a-key' },
    ...{ tokens: 16, maxClaimable: '77', signature: fill('0606') },
  };
  const accepted = requirementsOf(fill('02'), offerPayload, 77n);
  return {
    publicKey,
    keys,
    voucher,
    payment: { x402Version: 2, accepted, payload: voucher },
    offer: signDocument({ tag: 'offer', network }, offerPayload, signer),
    receipt: signDocument({ tag: 'receipt', network }, receiptPayload, signer),
  };
}
