/** Targets that read JSON or base64 of JSON. What was accepted must come back unchanged from its own JSON form. */
import {
  AppError,
  decodePayment,
  decodePaymentHeader,
  encodePaymentHeader,
  genesisFromJson,
  lightBundleFromJson,
  lightBundleToJson,
  networkFromGenesis,
  offerIdOf,
  recordToJson,
  txBodyFromJson,
  txKinds,
  txToJson,
  verifyOffer,
  verifyReceipt,
  zLightBundle,
  zSignedOffer,
  zSignedReceipt,
  zVoucherPayment,
} from '@aitbc/protocol';
import { demand, demandSame, isAccepted, readsJson, Violation } from './check.mjs';
import { mutateBytes, mutateJson } from './mutate.mjs';
import { varyBase64, varyJson } from './vary.mjs';

function jsonTarget({ name, corpus, check }) {
  return {
    name,
    mutate: (random) => mutateJson(random, corpus),
    vary: varyJson,
    check: readsJson(check),
  };
}

/** All of them. */
export function jsonTargets(corpus) {
  return [
    bundleTarget(corpus),
    ...paymentTargets(corpus),
    genesisTarget(corpus),
    bodyTarget(corpus),
  ];
}

function bundleTarget({ bundle }) {
  return jsonTarget({
    name: 'lightBundleFromJson',
    corpus: [JSON.parse(JSON.stringify(lightBundleToJson(bundle)))],
    check(value) {
      const parsed = zLightBundle.safeParse(value);
      if (!parsed.success) return false;
      const verdict = lightBundleFromJson(parsed.data);
      if (!isAccepted(verdict)) return false;
      demandSame(lightBundleToJson(verdict.value), parsed.data, 'the bundle has another JSON form');
      return true;
    },
  });
}

function paymentTargets({ network, publicKey, voucher, payment, offer, receipt }) {
  const header = new TextEncoder().encode(encodePaymentHeader(payment));
  const documentOf = ({ name, sample, schema, verify }) =>
    jsonTarget({
      name,
      corpus: [sample],
      check(value) {
        const parsed = schema.safeParse(value);
        if (!parsed.success) return false;
        demandSame(parsed.data, value, 'a schema changes what it accepts');
        if (!verify) return true;
        const isSame = JSON.stringify(value) === JSON.stringify(sample);
        const isGood = isAccepted(verify(parsed.data));
        demand(isGood || !isSame, 'the sample is refused');
        return isGood;
      },
    });
  const checkOffer = { nowMs: 1500, registeredAuthorizer: publicKey };
  return [
    {
      name: 'paymentHeader',
      mutate: (random) =>
        random.below(2) === 0
          ? mutateBytes(random, [header])
          : new TextEncoder().encode(Buffer.from(mutateJson(random, [payment])).toString('base64')),
      vary: varyBase64,
      check: (bytes) => checkHeader(Buffer.from(bytes).toString('latin1'), network),
    },
    documentOf({ name: 'voucher', sample: voucher, schema: zVoucherPayment }),
    documentOf({
      ...{ name: 'offer', sample: offer, schema: zSignedOffer },
      verify(found) {
        const verdict = verifyOffer(network, found, checkOffer);
        if (verdict.ok) demandSame(verdict.value, offerIdOf(network, offer.payload), 'a forgery');
        return verdict;
      },
    }),
    documentOf({
      ...{ name: 'receipt', sample: receipt, schema: zSignedReceipt },
      verify(found) {
        const verdict = verifyReceipt(network, found, publicKey);
        if (verdict.ok) demandSame(found.payload, receipt.payload, 'a forged receipt passes');
        return verdict;
      },
    }),
  ];
}

function checkHeader(header, network) {
  const decoded = decodePaymentHeader(header);
  const verdict = decodePayment(header, network.caip2);
  if (!isAccepted(decoded)) {
    demand(!isAccepted(verdict), 'a header that cannot be read pays');
    return false;
  }
  const again = decodePaymentHeader(encodePaymentHeader(decoded.value));
  // Written anew a header can be longer than allowed (escapes); when it is read, it says the same.
  if (isAccepted(again)) {
    demandSame(JSON.stringify(again.value), JSON.stringify(decoded.value), 'a header changes');
  }
  return isAccepted(verdict);
}

function genesisTarget({ genesis }) {
  return jsonTarget({
    name: 'genesisFromJson',
    corpus: [genesis],
    check(value) {
      const found = genesisOf(value);
      if (!found) return false;
      demandSame(found, value, 'the document is changed by reading it');
      const { genesisHash } = networkFromGenesis(found);
      demand(/^[0-9a-f]{64}$/.test(genesisHash), 'a genesis has no hash');
      return true;
    },
  });
}

function genesisOf(value) {
  try {
    return genesisFromJson(value);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code !== 'CONFIG_INVALID') throw new Violation(`it throws ${error.code}`);
    return undefined;
  }
}

function bodyTarget({ signed }) {
  return jsonTarget({
    name: 'txBodyFromJson',
    corpus: signed.map((tx) => {
      const { kind, body } = txToJson(tx);
      return { kind, body };
    }),
    check(value) {
      const { kind, body } = value ?? {};
      if (typeof kind !== 'string' || !Object.hasOwn(txKinds, kind)) return false;
      const verdict = txBodyFromJson(kind, body);
      if (!isAccepted(verdict)) return false;
      const written = recordToJson(txKinds[kind].fields, verdict.value);
      demandSame(txBodyFromJson(kind, written), verdict, 'a body has another JSON form');
      return true;
    },
  });
}
