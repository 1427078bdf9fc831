/** What tools of a machine print, what an owner types: inventories of cards, settings, lists, keystores. */
import {
  defaultThresholds,
  detectors,
  signWebhook,
  verifyWebhook,
  webhookKeyText,
} from '@aitbc/market';
import { demand, demandSame } from '../check.mjs';
import { jsonOfSamples, readOrRefused, textTarget } from './target.mjs';

const fill = (byte) => byte.repeat(32);
const invalid = ['CONFIG_INVALID'];
const settingBytesMax = 4_096;

/** All of them. */
export function machineTargets(corpus, internals) {
  return [
    ...cardTargets(internals),
    ...settingTargets(internals),
    ...listTargets(internals),
    keystoreTarget(internals),
    webhookTarget(corpus),
  ];
}

const textIn = (bytes) => Buffer.from(bytes).toString('utf8');

function isWell(parsed) {
  if ('trouble' in parsed) {
    demand(typeof parsed.trouble === 'string', 'a trouble without words');
    return false;
  }
  demand(parsed.gpus.length > 0 && parsed.gpus.length <= 64, 'a machine of no size');
  JSON.stringify(parsed.gpus);
  return true;
}

function cardTargets({ rocmSmi, nvidiaXml, nvidiaCsv, amdSmi, apple }) {
  const rocm = {
    card0: { 'Card Series': 'MI300', 'VRAM Total Memory (B)': '1000' },
    system: { a: '1' },
  };
  const amd = [
    { gpu: 0, asic: { market_name: 'MI300' }, vram: { size: { value: 1, unit: 'MB' } } },
  ];
  const mac = { SPDisplaysDataType: [{ _name: 'M3', sppci_model: 'Apple M3' }] };
  const xml =
    '<nvidia_smi_log><driver_version>1</driver_version><gpu id="0"><product_name>H100</product_name>' +
    '<uuid>GPU-1</uuid><fb_memory_usage><total>81559 MiB</total></fb_memory_usage></gpu></nvidia_smi_log>';
  const csv = nvidiaCsv.nvidiaShortFields
    .map((name) => (name === 'index' ? '0' : `${name} 1`))
    .join(', ');
  return [
    textTarget({
      ...{
        name: 'parseRocmSmi',
        covers: ['parseRocmSmi', 'parsedGpus'],
        samples: [JSON.stringify(rocm)],
      },
      check: (text) => isWell(rocmSmi.parseRocmSmi(text)),
    }),
    textTarget({
      ...{
        name: 'parseNvidiaXml',
        covers: ['parseNvidiaXml'],
        samples: [xml, xml.replaceAll('gpu', 'GPU')],
      },
      check: (text) => isWell(nvidiaXml.parseNvidiaXml(text)),
    }),
    textTarget({
      ...{ name: 'parseNvidiaCsv', covers: ['parseNvidiaCsv'], samples: [csv, `${csv}\n${csv}`] },
      check: (text) => isWell(nvidiaCsv.parseNvidiaCsv(text, nvidiaCsv.nvidiaShortFields)),
    }),
    jsonOfSamples({
      ...{ name: 'parseAmdSmi', covers: ['parseAmdSmi'], samples: [amd, { gpu_data: amd }] },
      check: (_value, bytes) => isWell(amdSmi.parseAmdSmi(textIn(bytes), textIn(bytes))),
    }),
    jsonOfSamples({
      ...{ name: 'parseApple', covers: ['parseApple'], samples: [mac] },
      check: (_value, bytes) => isWell(apple.parseApple(textIn(bytes), '17179869184')),
    }),
  ];
}

function settingTargets({ configValue }) {
  const types = ['string', 'integer', 'number', 'boolean', 'list', 'path'];
  const source = { label: 'x', folder: '/a' };
  return types.map((type) =>
    jsonOfSamples({
      ...{ name: `parseValue ${type}`, covers: ['parseValue'] },
      samples: ['1', 'true', 'a,b', '~/x', 7, true, ['a'], '-3.5e2', ''],
      check(value, bytes) {
        if (bytes.length > settingBytesMax) return false; // no file of settings is that deep
        const setting = { type, env: 'X', help: '', default: undefined, min: -5, max: 400 };
        const found = readOrRefused(() => configValue.parseValue(setting, value, source), invalid);
        if (!found) return false;
        const again = configValue.parseValue(setting, found.value, source);
        const isSame = again === found.value || String(again) === String(found.value); // -0 is 0
        demand(isSame, 'a setting reads differently the second time');
        return true;
      },
    }),
  );
}

function listTargets({ tomlLines, trained, trustedBlock, peerList, thresholds }) {
  const key = fill('01');
  const known = detectors.flatMap((one) =>
    Object.keys(defaultThresholds(one)).map((name) => `${one.name}.${name}=20`),
  );
  return [
    textTarget({
      ...{ name: 'readLines', covers: ['readLines'] },
      samples: ['a = "b"\n# c\n\n"d" = true\n', "x-y = 'z' # note\r\n", 'a = "\u2028"\n'],
      check: (text) => checkLines(text, tomlLines),
    }),
    textTarget({
      ...{
        name: 'parametersFromText',
        covers: ['parametersFromText'],
        samples: ['byBps=500,floorBps=0'],
      },
      check: (text) =>
        readOrRefused(() => trained.parametersFromText(text, '--p'), ['CLI_USAGE']) !== undefined,
    }),
    textTarget({
      ...{
        name: 'trustedBlockFromText',
        covers: ['trustedBlockFromText'],
        samples: [`7:${key}`, ''],
      },
      check: (text) =>
        readOrRefused(() => trustedBlock.trustedBlockFromText(text), invalid)?.value !== undefined,
    }),
    textTarget({
      ...{ name: 'peersFromText', covers: ['peersFromText'] },
      samples: [`${key}@127.0.0.1:9,[::1]:80`, 'a.example:65535', ''],
      check: (text) => readOrRefused(() => peerList.peersFromText(text), invalid)?.value.length > 0,
    }),
    textTarget({
      ...{ name: 'readThresholds', covers: ['readThresholds'] },
      samples: [...known, 'a.b=1', 'constructor.name=1', '__proto__.x=1'],
      check: (text) =>
        readOrRefused(
          () => thresholds.readThresholds(detectors, [text]),
          ['CONFIG_INVALID', 'CONFIG_UNKNOWN_KEY'],
        ) !== undefined,
    }),
  ];
}

/** What was understood can be changed and is understood again. */
function checkLines(text, { readLines, withSetting, textOf }) {
  const lines = readLines(text);
  if ('fault' in lines) return false;
  const value = `${lines.find(({ name }) => name !== undefined)?.value ?? 'x'}\u2028`;
  const changed = readLines(textOf(withSetting(lines, 'added', { value, isBare: false })));
  demand(!('fault' in changed), `what was written is not understood: ${changed.fault}`);
  demand(changed.find(({ name }) => name === 'added')?.value === value, 'a value is changed');
  return lines.some(({ name }) => name !== undefined);
}

function keystoreTarget({ keystore }) {
  const sample = {
    ...{ format: 'aitbc-keystore', version: 1 },
    address: 'ait132yw8ht5p8cetl2jmvknewjawt9xwzdlrk2pyxlnwjyqrdq0dawq6d55ax',
    kdf: { name: 'argon2id', memoryKib: 8, passes: 1, lanes: 1, salt: '01'.repeat(16) },
    cipher: { name: 'xchacha20-poly1305', nonce: '02'.repeat(24), text: '03'.repeat(48) },
  };
  return jsonOfSamples({
    ...{ name: 'keystoreFromJson', covers: ['keystoreFromJson'], samples: [sample] },
    check(value) {
      const found = readOrRefused(
        () => keystore.keystoreFromJson(value),
        ['WALLET_SECRET_INVALID'],
      );
      if (!found) return false;
      demandSame(keystore.keystoreFromJson(found.value), found.value, 'a keystore changes');
      return true;
    },
  });
}

function webhookTarget({ keys }) {
  const nowMs = 1_800_000_000_000;
  const text = webhookKeyText(keys.publicKey);
  const body = '{"jobId":"1"}';
  const sample = { ...signWebhook({ id: 'a', atMs: nowMs }, body, keys.secretKey), body };
  return jsonOfSamples({
    ...{ name: 'verifyWebhook', covers: ['verifyWebhook'], samples: [sample] },
    check(value) {
      if (typeof value !== 'object' || value === null) return false;
      const texts = Object.entries(value).filter(([, part]) => typeof part === 'string');
      const notice = Object.fromEntries(texts);
      const header = (name) => (Object.hasOwn(notice, name) ? notice[name] : undefined);
      const told = { header, body: notice.body ?? '' };
      if (!verifyWebhook(text, told, nowMs)) return false;
      const isSame = notice.body === body && notice['webhook-id'] === 'a';
      demand(isSame, 'a changed notice passes');
      return true;
    },
  });
}
