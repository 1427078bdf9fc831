/** Documents of strangers: proofs, cards, tasks and their results, audits, letters, notices, resumes. */
import { systemClock, utf8 } from '@aitbc/primitives';
import {
  addressOf,
  auditReceiptBytesOf,
  channelFromJson,
  channelToJson,
  decodeJobProof,
  encodeJobProof,
  makeAgentCard,
  makeTaskResult,
  makeTaskSpec,
  mandateFromJson,
  readAgentCard,
  readAuditReceipt,
  readAuditRecord,
  readTaskResult,
  readTaskSpec,
  verifyAuditReport,
  verifyFraud,
  verifyJobProof,
  verifyResume,
  zAgentCard,
  zAuditRecord,
  zChannel,
  zJobProof,
  zMandate,
  zResume,
  zSignedAuditReport,
} from '@aitbc/protocol';
import { verifyProofOffline } from '@aitbc/sdk';
import { demand, demandSame, demandSameBytes, isAccepted } from '../check.mjs';
import { mutateBytes } from '../mutate.mjs';
import { createCases } from '../schemas/schema-targets.mjs';
import { varyJson } from '../vary.mjs';
import { jsonOfSamples, jsonOfSchema, readOrRefused, textTarget } from './target.mjs';

const fill = (byte) => byte.repeat(32);

/** All of them. */
export function documentTargets(corpus) {
  return [
    proofTarget(corpus),
    cardTarget(),
    ...taskTargets(corpus),
    ...auditTargets(corpus),
    ...recordTargets(),
    ...paymentTargets(corpus),
  ];
}

function proofTarget({ network, offer, receipt }) {
  const part = { offer, receipts: [receipt], tail: null, surplus: [] };
  const base = {
    ...{ v: 2, genesisHash: network.genesisHash, jobId: fill('01'), bodyDigest: fill('0a') },
    ...{ identity: null, chain: null },
  };
  const cases = createCases(zJobProof);
  const trust = { genesisHash: network.genesisHash, chain: network.chain, caip2: network.caip2 };
  return {
    name: 'decodeJobProof',
    covers: [
      'decodeJobProof',
      'verifyJobProof',
      'verifyProofOffline',
      'verifyChainProof',
      'verifyTiling',
    ],
    mutate(random) {
      const bytes = cases(random);
      if (random.below(2) === 0) return bytes;
      try {
        const value = { ...JSON.parse(Buffer.from(bytes).toString()), ...base, parts: [part] };
        const spelled = encodeJobProof(value);
        return random.below(3) === 0 ? spelled : mutateBytes(random, [spelled]);
      } catch {
        return bytes; // it cannot be written: it is not canonical JSON
      }
    },
    vary: varyJson,
    check(bytes) {
      const verdict = decodeJobProof(bytes);
      if (!isAccepted(verdict)) return false;
      demandSameBytes(encodeJobProof(verdict.value), bytes);
      demand(!isAccepted(verifyJobProof(network, verdict.value)), 'a forged proof passes');
      demand(
        !isAccepted(verifyProofOffline(verdict.value, trust, systemClock)),
        'a forgery passes',
      );
      return true;
    },
  };
}

function cardTarget() {
  const address = addressOf(fill('11'));
  const card = makeAgentCard({
    ...{ address, name: 'Ada', description: 'Finds names.', url: 'http://127.0.0.1:8000/a' },
    skills: [{ id: 'Names', name: 'Names', description: 'Finds them.', tags: ['words'] }],
    messageKey: fill('22'),
  });
  return jsonOfSchema({
    ...{ name: 'readAgentCard', covers: ['readAgentCard'], schema: zAgentCard, samples: [card] },
    check(value) {
      const verdict = readAgentCard(value);
      if (!isAccepted(verdict)) return false;
      const again = readAgentCard(JSON.parse(JSON.stringify(verdict.value.card)));
      demand(again.ok && again.value.cardHash === verdict.value.cardHash, 'a card has two hashes');
      return true;
    },
  });
}

function taskTargets({ keys, publicKey }) {
  const spec = makeTaskSpec({ title: 't', skill: 's', text: 'do it', sealTo: [publicKey] });
  const seed = new Uint8Array(32).fill(9);
  const results = [[], [publicKey]].map((sealTo) => makeTaskResult('done 🦙', { sealTo, seed }));
  return [
    textTarget({
      ...{ name: 'readTaskSpec', covers: ['readTaskSpec'], samples: [spec, 'plain words', ''] },
      check(text) {
        const found = readTaskSpec(text);
        demand(typeof found.title === 'string', 'a specification has no title');
        return found.skill !== undefined;
      },
    }),
    textTarget({
      ...{ name: 'readTaskResult', covers: ['readTaskResult'], samples: [...results, 'words'] },
      check(text) {
        const found = readTaskResult(text, [keys]);
        demand(['open', 'sealed'].includes(found.kind), 'a result is of no kind');
        return found.kind === 'sealed';
      },
    }),
    jsonOfSamples({
      ...{
        name: 'readTaskResult json',
        covers: ['readTaskResult'],
        samples: results.map(JSON.parse),
      },
      check: (_value, bytes) =>
        readTaskResult(Buffer.from(bytes).toString('utf8'), [keys]).kind === 'sealed',
    }),
  ];
}

function auditTargets({ network, publicKey, receipt }) {
  const spelled = auditReceiptBytesOf(receipt);
  return [
    textTarget({
      ...{ name: 'readAuditReceipt', covers: ['readAuditReceipt'] },
      samples: [spelled, Buffer.from('{}').toString('hex')],
      check(text) {
        const verdict = readAuditReceipt(text);
        if (!isAccepted(verdict)) return false;
        demand(auditReceiptBytesOf(verdict.value) === text, 'a receipt has two spellings');
        return true;
      },
    }),
    jsonOfSchema({
      ...{ name: 'readAuditRecord', covers: ['readAuditRecord'], schema: zAuditRecord },
      check(value) {
        const parsed = zAuditRecord.safeParse(value);
        if (!parsed.success) return false;
        demand(!isAccepted(readAuditRecord(network, parsed.data)), 'a forged record passes');
        return true;
      },
    }),
    jsonOfSchema({
      ...{ name: 'verifyAuditReport', covers: ['verifyAuditReport'], schema: zSignedAuditReport },
      check(value) {
        const parsed = zSignedAuditReport.safeParse(value);
        if (!parsed.success) return false;
        const verdict = verifyAuditReport(network, parsed.data, publicKey);
        demand(!isAccepted(verdict), 'a forged report passes');
        return true;
      },
    }),
  ];
}

/** JSON of the node that becomes typed values. */
function recordTargets() {
  const codes = ['AMOUNT_INVALID', 'ADDRESS_INVALID'];
  const one = (name, schema, { read, write }) =>
    jsonOfSchema({
      ...{ name, covers: [name], schema },
      check(value) {
        const parsed = schema.safeParse(value);
        if (!parsed.success) return false;
        const found = readOrRefused(() => read(parsed.data), codes);
        if (!found) return false;
        demandSame(read(write(found.value)), found.value, 'a record changes on the way');
        return true;
      },
    });
  return [
    one('channelFromJson', zChannel, { read: channelFromJson, write: channelToJson }),
    jsonOfSchema({
      ...{ name: 'mandateFromJson', covers: ['mandateFromJson'], schema: zMandate },
      check(value) {
        const parsed = zMandate.safeParse(value);
        return (
          parsed.success && readOrRefused(() => mandateFromJson(parsed.data), codes) !== undefined
        );
      },
    }),
  ];
}

function paymentTargets({ network, receipt, publicKey }) {
  const job = {
    bodyDigest: fill('0a'),
    jobId: receipt.payload.jobId,
    channelId: fill('03'),
    publicKey,
  };
  return [
    jsonOfSchema({
      ...{ name: 'verifyResume', covers: ['verifyResume'], schema: zResume },
      samples: [{ pieces: [{ text: 'a', to: 16 }], receipt: null }],
      check(value) {
        const parsed = zResume.safeParse(value);
        return parsed.success && isAccepted(verifyResume(network, job, parsed.data));
      },
    }),
    jsonOfSamples({
      ...{ name: 'verifyFraud', covers: ['verifyFraud'] },
      samples: [
        { first: receipt, second: { ...receipt, payload: { ...receipt.payload, to: 15 } } },
      ],
      check(value) {
        const pair = [value?.first, value?.second];
        const isWhole = pair.every(
          (one) => typeof one?.payload === 'object' && one.payload !== null,
        );
        if (!isWhole || !pair.every(isSignedForm)) return false;
        demand(
          !isAccepted(verifyFraud(network, value)),
          'two receipts of one spelling are a fraud',
        );
        return true;
      },
    }),
  ];
}

const isSignedForm = ({ signer, signature, payload }) =>
  /^[0-9a-f]{64}$/.test(signer) &&
  /^[0-9a-f]{128}$/.test(signature) &&
  utf8(JSON.stringify(payload)).length < 4_000;
