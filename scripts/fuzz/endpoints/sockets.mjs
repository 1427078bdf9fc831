/** WebSockets: JSON-RPC of the node, the line between provider and coordinator with relayed calls, and the handshake itself. */
import { createRequire } from 'node:module';
import {
  encodeRelayCredit,
  encodeRelayFrame,
  providerSocketPath,
  zProviderFrame,
} from '@aitbc/protocol';
import { demand } from '../check.mjs';
import { mutateBytes } from '../mutate.mjs';
import { hostileText } from '../schemas/near.mjs';
import { createCases } from '../schemas/schema-targets.mjs';
import { isSurprised } from './answers.mjs';
import { createRpcValues } from './requests.mjs';
import { socketTable } from './surfaces.mjs';

// The client library of the SDK; a script belongs to no package that could declare it.
const sdk = createRequire(new URL('../../../packages/sdk/package.json', import.meta.url));
const { WebSocket } = sdk('ws');

const quietMs = 40;
const openMs = 5_000;

/** All of them. */
export function socketTargets(_corpus, live) {
  const methods = Object.entries(socketTable).map(([name, row]) => {
    const value = createRpcValues({ name, row, real: live.real });
    return {
      name: `node socket ${name}`,
      mutate(random) {
        const body = value(random);
        const text = random.below(5) === 0 ? hostileText(random, body) : JSON.stringify(body);
        return new Uint8Array([1, ...Buffer.from(text ?? 'null')]);
      },
      check: (bytes) => talk(live.url('node').replace('http', 'ws'), bytes),
    };
  });
  return [...methods, providerSocketTarget(live)];
}

/** Frames of a stranger who claims to be a provider: JSON of every kind, and binary frames of relayed calls. */
function providerSocketTarget(live) {
  const cases = createCases(zProviderFrame);
  const frames = [
    encodeRelayFrame('head', 1, Buffer.from('{"status":200,"headers":{}}')),
    encodeRelayFrame('data', 7, Buffer.from('data: {}\n\n')),
    encodeRelayCredit(0, 131_072),
  ];
  return {
    name: 'coordinator socket provider',
    mutate: (random) =>
      random.below(3) === 0
        ? new Uint8Array([0, ...mutateBytes(random, frames)])
        : new Uint8Array([1, ...cases(random)]),
    check: (bytes) =>
      talk(live.url('coordinator').replace('http', 'ws') + providerSocketPath, bytes),
  };
}

/** Opens, sends, listens for a moment. The first byte says text (1) or bytes (0). */
async function talk(url, bytes) {
  const heard = [];
  const socket = new WebSocket(url, { handshakeTimeout: openMs });
  try {
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => {});
    const isOver = new Promise((resolve) => {
      let timer = setTimeout(resolve, quietMs);
      socket.on('close', resolve);
      socket.on('message', (data, isBinary) => {
        if (!isBinary) heard.push(String(data).slice(0, 4_000));
        clearTimeout(timer);
        timer = setTimeout(resolve, heard.length > 50 ? 0 : quietMs);
      });
    });
    const content = Buffer.from(bytes.subarray(1));
    socket.send(bytes[0] === 1 ? content.toString('utf8') : content);
    await isOver;
  } finally {
    socket.terminate();
  }
  const surprise = heard.find(isSurprised);
  demand(!surprise, `it is surprised: ${surprise?.slice(0, 400)}`);
  return heard.some((text) => !text.includes('"error"'));
}
