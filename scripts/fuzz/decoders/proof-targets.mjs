/**
 * Proofs and signatures: values of the right form with any content. None may be believed, and none may be a surprise to its
 * reader, such as a number that does not fit the bytes that are signed.
 */
import { base64, keyPairFromSeed } from '@aitbc/primitives';
import {
  decodeOwnTx,
  decodeRelayHead,
  encodeRelayHead,
  lightBundleFromJson,
  providerEndpoints,
  verifyAbsence,
  verifyAcknowledgement,
  verifyCertificate,
  verifyDocument,
  verifyEvidence,
  verifyLightBundle,
  verifyListItem,
  verifyPresence,
  verifyStakeProof,
  verifyTx,
  verifyTxIdProof,
  verifyVoucher,
  zLightBundle,
  zRelayAnswer,
  zRelayRequest,
  zSignedReceipt,
  zStateProof,
  zTxIdPayment,
} from '@aitbc/protocol';
import { demand, demandSameBytes, isAccepted } from '../check.mjs';
import { mutateBytes } from '../mutate.mjs';
import { jsonOfSchema } from './target.mjs';

const fill = (byte) => byte.repeat(32);
const key = (seed) =>
  Buffer.from(keyPairFromSeed(new Uint8Array(32).fill(seed)).publicKey).toString('hex');

/** All of them. */
export function proofTargets(corpus) {
  return [
    ...treeTargets(),
    ...signatureTargets(corpus),
    bundleTarget(corpus),
    evidenceTarget(corpus),
    ownTxTarget(corpus),
    ...relayTargets(),
  ];
}

function treeTargets() {
  return [
    jsonOfSchema({
      name: 'state proofs',
      covers: ['verifyPresence', 'verifyAbsence', 'verifyListItem'],
      schema: zStateProof,
      check(value) {
        const parsed = zStateProof.safeParse(value);
        if (!parsed.success) return false;
        const proof = parsed.data;
        const entry = { key: `a${fill('01')}`, value: new Uint8Array(8) };
        const isProved =
          proof.kind === 'presence'
            ? verifyPresence(fill('02'), entry, proof)
            : verifyAbsence(fill('02'), entry.key, proof);
        demand(!isProved, 'a forged proof of the state passes');
        demand(!verifyListItem(fill('02'), new Uint8Array(32), proof), 'a forged item passes');
        return true;
      },
    }),
  ];
}

/** Whatever its schema takes can be asked for its signature. */
function signatureTargets({ network, publicKey }) {
  const { acknowledge, extend } = providerEndpoints;
  const one = (name, { covers, schema, verify }) =>
    jsonOfSchema({
      ...{ name, covers, schema },
      check(value) {
        const parsed = schema.safeParse(value);
        if (!parsed.success) return false;
        demand(verify(parsed.data) === false, 'a forged signature passes');
        return true;
      },
    });
  return [
    one('verifyAcknowledgement', {
      covers: ['verifyAcknowledgement'],
      schema: acknowledge.input,
      verify: ({ signature, ...ack }) =>
        verifyAcknowledgement(network, { ack, signature }, publicKey),
    }),
    one('verifyVoucher', {
      covers: ['verifyVoucher'],
      schema: extend.input,
      verify: ({ channelId, maxClaimable, signature, jobId }) =>
        verifyVoucher(
          network,
          { channelId, maxClaimable: BigInt(maxClaimable), context: jobId, signature },
          publicKey,
        ),
    }),
    one('verifyTxIdProof', {
      covers: ['verifyTxIdProof'],
      schema: zTxIdPayment,
      verify: ({ txid, signature }) =>
        verifyTxIdProof(network, { txid, bodyDigest: fill('01') }, { payer: publicKey, signature }),
    }),
    one('verifyStakeProof', {
      covers: ['verifyStakeProof'],
      schema: acknowledge.input,
      verify: ({ jobId, signature }) =>
        verifyStakeProof(network, publicKey, { validator: jobId, keySignature: signature }),
    }),
    one('verifyDocument', {
      covers: ['verifyDocument'],
      schema: zSignedReceipt,
      verify: (receipt) => verifyDocument('receipt', network, receipt),
    }),
  ];
}

function bundleTarget({ network, bundle }) {
  return jsonOfSchema({
    name: 'verifyLightBundle',
    covers: ['verifyLightBundle', 'verifyCertificate'],
    schema: zLightBundle,
    check(value) {
      const parsed = zLightBundle.safeParse(value);
      if (!parsed.success) return false;
      const read = lightBundleFromJson(parsed.data);
      if (!isAccepted(read)) return false;
      const verdict = verifyLightBundle(network, read.value);
      demand(
        !isAccepted(verdict) || verdict.value === bundle.certificate.blockHash,
        'a forgery passes',
      );
      isAccepted(verifyCertificate(network, read.value.validators, read.value.certificate));
      return true;
    },
  });
}

/** Two votes that contradict each other, with any signatures. */
function evidenceTarget({ network, messages }) {
  const { votes } = messages.find(({ type }) => type === 'votes');
  const signatures = votes.map(({ signature }) => Buffer.from(signature, 'hex'));
  return {
    ...{ name: 'verifyEvidence', covers: ['verifyEvidence'] },
    mutate: (random) => mutateBytes(random, signatures),
    check(bytes) {
      const signature = Buffer.from(bytes).toString('hex').padEnd(128, '0').slice(0, 128);
      const [vote] = votes;
      const first = { ...vote, signature };
      const second = { ...first, blockHash: fill('0f') };
      const verdict = verifyEvidence(network, { validator: key(1), first, second });
      demand(!isAccepted(verdict), 'votes that nobody signed convict');
      return bytes.length === 64;
    },
  };
}

function ownTxTarget({ network, txs }) {
  return {
    ...{ name: 'decodeOwnTx', covers: ['decodeOwnTx', 'verifyTx'] },
    mutate: (random) => mutateBytes(random, txs),
    check(bytes) {
      const verdict = decodeOwnTx(network, new Uint8Array(bytes));
      if (!isAccepted(verdict)) return false;
      demandSameBytes(verdict.value.bytes, bytes);
      const isOurs = txs.some((tx) => base64(tx) === base64(bytes));
      demand(verifyTx(network, verdict.value) === isOurs, 'a changed transaction passes');
      return true;
    },
  };
}

function relayTargets() {
  return [
    ['request', zRelayRequest],
    ['answer', zRelayAnswer],
  ].map(([what, schema]) =>
    jsonOfSchema({
      ...{ name: `decodeRelayHead ${what}`, covers: ['decodeRelayHead'], schema },
      check(_value, bytes) {
        const verdict = decodeRelayHead(schema, bytes);
        if (!isAccepted(verdict)) return false;
        demand(isAccepted(encodeRelayHead(schema, verdict.value)), 'it cannot be written again');
        return true;
      },
    }),
  );
}
