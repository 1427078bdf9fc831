/** The smallest readers: amounts, addresses, hex, base64, UTF-8, canonical JSON, sealed boxes. */
import {
  addressFromId,
  aitFromNait,
  amountFromText,
  base64,
  bytesFromBase64,
  bytesFromHex,
  canonicalJson,
  createSealOpener,
  hex,
  idFromAddress,
  naitFromAit,
  sealTo,
  textFromUtf8,
  utf8,
} from '@aitbc/primitives';
import { demand, demandSame, demandSameBytes } from '../check.mjs';
import { bytesTarget, jsonOfSamples, textTarget } from './target.mjs';

const bytes32 = new Uint8Array(32).fill(7);

/** All of them. */
export function scalarTargets({ keys }) {
  return [
    textTarget({
      ...{ name: 'amountFromText', covers: ['amountFromText'] },
      samples: ['0', '1000000000', '18446744073709551615', '18446744073709551616', '00', '-1'],
      check: (text) => sameText(amountFromText(text), (amount) => amount.toString(), text),
    }),
    textTarget({
      ...{ name: 'naitFromAit', covers: ['naitFromAit'] },
      samples: ['1', '0.5', '1.000000001', '18446744073.709551615', '1.0000000001', '.5', '1.'],
      check(text) {
        const amount = naitFromAit(text);
        if (amount === undefined) return false;
        demand(naitFromAit(aitFromNait(amount)) === amount, 'an amount changes on the way');
        return true;
      },
    }),
    textTarget({
      ...{ name: 'bytesFromHex', covers: ['bytesFromHex'] },
      samples: [hex(bytes32), hex(bytes32).toUpperCase(), '', '0x00', 'é'.repeat(64)],
      check: (text) => sameText(bytesFromHex(text, Math.floor(text.length / 2)), hex, text),
    }),
    textTarget({
      ...{ name: 'bytesFromBase64', covers: ['bytesFromBase64'] },
      samples: [base64(bytes32), base64(bytes32.slice(1)), '', 'AB==', 'A===', 'AA=A', '-_-_'],
      check: (text) => sameText(bytesFromBase64(text), base64, text),
    }),
    textTarget({
      ...{ name: 'idFromAddress', covers: ['idFromAddress'] },
      samples: [addressFromId(bytes32), addressFromId(bytes32).toUpperCase(), 'ait1', ''],
      check(text) {
        const found = idFromAddress(text);
        if (!found.ok) {
          demand(typeof found.reason === 'string', 'a refusal has no reason');
          return false;
        }
        demand(addressFromId(found.accountId) === text, 'an account has two spellings');
        return true;
      },
    }),
    ...byteTexts(),
    sealTarget(keys),
  ];
}

/** An accepted text has one spelling: the one that is written. */
function sameText(value, write, text) {
  if (value === undefined) return false;
  demand(write(value) === text, 'what was accepted is written differently');
  return true;
}

function byteTexts() {
  return [
    bytesTarget({
      ...{ name: 'textFromUtf8', covers: ['textFromUtf8'] },
      samples: [utf8('é🦙'), utf8('\ufeffa'), new Uint8Array([0xed, 0xa0, 0x80])],
      check(bytes) {
        let text;
        try {
          text = textFromUtf8(bytes);
        } catch (error) {
          demand(error instanceof TypeError || error instanceof RangeError, 'another error');
          return false;
        }
        demandSameBytes(utf8(text), bytes);
        return true;
      },
    }),
    jsonOfSamples({
      ...{ name: 'canonicalJson', covers: [] },
      samples: [{ b: 1, a: [true, null, 'é', 0.5, -1] }, { '': {} }, [1e21, 1e-7], '\u2028'],
      check(value) {
        let text;
        try {
          text = canonicalJson(value);
        } catch (error) {
          demand(error instanceof TypeError, 'it throws something else');
          return false;
        }
        demand(canonicalJson(JSON.parse(text)) === text, 'canonical JSON has two spellings');
        demandSame(JSON.parse(text), JSON.parse(JSON.stringify(value)), 'a value is changed');
        return true;
      },
    }),
  ];
}

function sealTarget(keys) {
  const opener = createSealOpener(keys);
  const message = utf8('a secret');
  const samples = [message, new Uint8Array(0)].map((text) => sealTo(keys.publicKey, text));
  return bytesTarget({
    ...{ name: 'sealed box', covers: [], samples },
    check(bytes) {
      const opened = opener.open(bytes);
      if (!opened) return false;
      demand([0, message.length].includes(opened.length), 'a forged box opens');
      return true;
    },
  });
}
