/**
 * Targets that read bytes. A target has a name, a corpus, `mutate(random)` and `check(bytes)`, which returns whether
 * the bytes were accepted and throws when a property is broken.
 */
import {
  decodeBody,
  decodeChunk,
  decodeReceipt,
  encodeBody,
  encodeReceipt,
  verifyChunk,
} from '@aitbc/chain';
import { concat, createWriter, hex, utf8 } from '@aitbc/primitives';
import {
  decodeCertificate,
  decodeHeader,
  decodeMeshMessage,
  decodeRelayFrame,
  decodeTx,
  decodeTxBatch,
  decodeTxReply,
  decodeUnsignedTx,
  encodeCertificate,
  encodeHeader,
  encodeMeshMessage,
  encodeRelayCredit,
  encodeRelayFrame,
  encodeTxBatch,
  encodeTxReply,
  encodeUnsignedTx,
} from '@aitbc/protocol';
import { demand, demandSameBytes, isAccepted } from './check.mjs';
import { mutateBytes } from './mutate.mjs';

/** A decoder with a verdict, and the encoder that must give the same bytes. */
function codec({ name, corpus, decode, encode, more = () => {} }) {
  return {
    name,
    mutate: (random) => mutateBytes(random, corpus),
    check(bytes) {
      const verdict = decode(bytes);
      if (!isAccepted(verdict)) return false;
      demandSameBytes(encode(verdict.value), bytes);
      more(verdict.value);
      return true;
    },
  };
}

/** Targets over the public packages and the envelope of the bus. */
export function byteTargets(corpus, { envelope, frames }) {
  return [
    ...ledgerTargets(corpus),
    ...frameTargets(corpus),
    meshTarget(corpus),
    relayTarget(),
    envelopeTarget(corpus, envelope),
    helloTarget(corpus, frames),
  ];
}

function ledgerTargets({ network, txs, signed, headers, header, messages, chunk }) {
  const certificates = messages.flatMap(({ certificates: found = [] }) => found);
  const bodies = [txs.slice(0, 0), txs.slice(0, 1), txs.slice(0, 4), txs];
  const rows = [{ channelId: hex(headers[0].subarray(0, 32)), paid: 7n, code: null }];
  const receiptOf = ({ txId, kind, from, fee }, index) => ({
    ...{ txId, height: 3, index, kind, from, fee },
    ...(kind === 'channel_claim'
      ? { rows: [...rows, { ...rows[0], paid: 0n, code: 'BAD_REQUEST' }] }
      : {}),
  });
  return [
    codec({
      ...{ name: 'decodeTx', corpus: txs, decode: (bytes) => decodeTx(network, bytes) },
      encode: (tx) => concat(encodeUnsignedTx(tx), tailOf(tx)),
    }),
    codec({
      name: 'decodeUnsignedTx',
      corpus: signed.map(encodeUnsignedTx),
      decode: (bytes) => decodeUnsignedTx(network, bytes),
      encode: encodeUnsignedTx,
    }),
    codec({
      name: 'decodeBody',
      corpus: bodies.map((some) => encodeBody({ header, txs: some.map((bytes) => ({ bytes })) })),
      decode: (bytes) => decodeBody(network, bytes),
      encode: encodeBody,
    }),
    codec({ name: 'decodeHeader', corpus: headers, decode: decodeHeader, encode: encodeHeader }),
    codec({
      name: 'decodeCertificate',
      corpus: certificates.map(encodeCertificate),
      decode: decodeCertificate,
      encode: encodeCertificate,
    }),
    codec({
      ...{ name: 'decodeReceipt', corpus: signed.map(receiptOf).map(encodeReceipt) },
      ...{ decode: decodeReceipt, encode: encodeReceipt },
    }),
    codec({
      ...{ name: 'decodeChunk', corpus: [chunk], decode: decodeChunk, encode: chunkBytes },
      more(value) {
        demand(!verifyChunk('00'.repeat(32), value), 'a chunk proves itself against no root');
      },
    }),
  ];
}

/** The signatures as they came, and between them the payer as it was read. */
function tailOf({ bytes, payer }) {
  if (payer === undefined) return bytes.slice(-64);
  return concat(bytes.slice(-160, -96), Buffer.from(payer, 'hex'), bytes.slice(-64));
}

function chunkBytes({ size, level, chunk, rows, siblings }) {
  const writer = createWriter().u32(size).u8(level).u32(chunk);
  for (const { key, nextKey, value } of rows) {
    writer.fixed(key, 33).fixed(nextKey, 33).variable(value);
  }
  for (const sibling of siblings) writer.fixed(sibling, 32);
  return writer.finish();
}

function frameTargets({ txs, signed }) {
  const outcomes = [{ txId: signed[0].txId }, { code: 'BAD_REQUEST' }];
  const fault = { code: 'BAD_REQUEST', reason: `${'🦙'.repeat(39)} a reason` };
  const replies = [
    { requestId: 7, outcomes },
    { requestId: 8, outcomes: Array.from({ length: 40 }, () => outcomes[0]) },
    { requestId: 9, fault },
    { requestId: 10, fault: { ...fault, reason: 'the frame is no batch' } },
  ];
  return [
    codec({
      name: 'decodeTxBatch',
      corpus: [1, 3, txs.length].map((count) =>
        encodeTxBatch({ requestId: count, txs: txs.slice(0, count) }),
      ),
      ...{ decode: decodeTxBatch, encode: encodeTxBatch },
    }),
    {
      ...codec({
        ...{ name: 'decodeTxReply', corpus: [...replies.map(encodeTxReply), longFault()] },
        ...{ decode: decodeTxReply, encode: encodeTxReply },
      }),
      check: checkReply,
    },
  ];
}

/** A fault with a longer reason than our encoder makes, and a letter of two units where it is cut. */
function longFault() {
  const reason = utf8(`a${'🦙'.repeat(45)}`);
  return createWriter().u8(3).u32(7).variable(utf8('BAD_REQUEST')).variable(reason).finish();
}

/** A reason may come in longer than our encoder makes it: it is shortened, and then it is as it stays. */
function checkReply(bytes) {
  const verdict = decodeTxReply(bytes);
  if (!isAccepted(verdict)) return false;
  const encoded = encodeTxReply(verdict.value);
  const isShortened = (verdict.value.fault?.reason.length ?? 0) > 80;
  if (!isShortened) demandSameBytes(encoded, bytes);
  const again = decodeTxReply(encoded);
  demand(again.ok, 'a reply that was written cannot be read');
  demandSameBytes(encodeTxReply(again.value), encoded);
  return true;
}

function meshTarget({ mesh }) {
  return codec({
    ...{ name: 'decodeMeshMessage', corpus: mesh },
    ...{ decode: decodeMeshMessage, encode: encodeMeshMessage },
  });
}

function relayTarget() {
  const frames = [
    encodeRelayFrame('head', 1, utf8('{"status":200,"headers":{}}')),
    encodeRelayFrame('data', 77, utf8('data: {}\n\n')),
    encodeRelayFrame('end', 0xffff_ffff),
    encodeRelayCredit(0, 131_072),
  ];
  return codec({
    ...{ name: 'decodeRelayFrame', corpus: frames, decode: decodeRelayFrame },
    encode: ({ type, call, payload }) => encodeRelayFrame(type, call, payload),
  });
}

function helloTarget({ network }, { decodeHello, encodeHello }) {
  const frameHeadBytes = 5;
  const hello = {
    version: 1,
    genesisHash: network.genesisHash,
    instance: 77,
    host: 'a.b',
    port: 9,
  };
  return {
    ...codec({
      name: 'decodeHello',
      corpus: [hello, { ...hello, host: '', port: 0 }].map((value) =>
        new Uint8Array(encodeHello(value)).subarray(frameHeadBytes),
      ),
      // Of another version nothing but its number is read.
      ...{ decode: decodeHello, encode: (value) => encodeHello(value).subarray(frameHeadBytes) },
    }),
    check(bytes) {
      const verdict = decodeHello(bytes);
      if (!isAccepted(verdict)) return false;
      if (verdict.value.version !== hello.version) return true;
      demandSameBytes(encodeHello(verdict.value).subarray(frameHeadBytes), bytes);
      return true;
    },
  };
}

function envelopeTarget({ network, keys }, { encodeEnvelope, decodeEnvelope, isSigned, kinds }) {
  const corpus = Object.values(kinds).map((kind) =>
    encodeEnvelope(
      {
        ...{ kind, session: new Uint8Array(8).fill(7), sequence: 9, timeMs: 1_800_000_000_000 },
        scope: kind === kinds.topic ? new TextEncoder().encode('offers') : keys.publicKey,
        payload: new Uint8Array(kind === kinds.ack ? 0 : 90).fill(5),
      },
      keys,
      network,
    ),
  );
  return {
    name: 'decodeEnvelope',
    mutate: (random) => mutateBytes(random, corpus),
    check(bytes) {
      const found = decodeEnvelope(bytes);
      if (found === undefined) return false;
      demandSameBytes(concat(envelopeHead(found), found.signature), bytes);
      const isOurs = corpus.some((sample) => Buffer.from(sample).equals(bytes));
      demand(isSigned(found, network) === isOurs, 'a changed envelope passes for signed');
      return true;
    },
  };
}

function envelopeHead({ kind, chain, sender, session, sequence, timeMs, scope, payload }) {
  const writer = createWriter().u8(1).u8(kind).u32(chain).fixed(sender, 32).fixed(session, 8);
  writer.u64(BigInt(sequence)).u64(BigInt(timeMs)).variable(scope);
  return writer.u32(payload.length).fixed(payload, payload.length).finish();
}
