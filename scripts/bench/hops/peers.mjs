/**
 * What others put in front of an engine, started like the systems of the gateway bench: a URL, the processes whose CPU
 * counts, and `buy`, which gives what is sent beside a call. Two of them take no payment and say what a hop alone costs; `gate`
 * is the plainest way to be paid; `least` is the least that pays over two hops, what Node itself costs; Portkey is what people
 * use today.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { hex, keyPairFromSeed, sign } from '@aitbc/primitives';
import { startProgram } from '../lib/processes.mjs';
import { nginxVersion, startNginx } from './nginx.mjs';
import { portkeyHeaders, startPortkey } from './portkey.mjs';

const pricePerCall = 1_000n;
const none = () => ({ headers: {}, done() {} });

const starts = {
  undici: async (about) => ({
    ...(await startScript('undici-proxy.mjs', about)),
    buy: none,
  }),
  gate: async (about) => ({ ...(await startScript('gate.mjs', about)), buy: gateBuyer() }),
  least: async (about) => {
    const provider = await startScript('least.mjs', about, ['provider']);
    const behind = { ...about, engineUrl: provider.url };
    const gateway = await startScript('least.mjs', behind, ['gateway']);
    return { url: gateway.url, pids: { ...gateway.pids, ...provider.pids }, buy: none };
  },
  nginx: async ({ folder, engineUrl, undo }) => {
    if (!nginxVersion()) return undefined;
    return { ...(await startNginx({ folder, engineUrls: [engineUrl], undo })), buy: none };
  },
  portkey: async ({ folder, engineUrl, undo }) => ({
    ...(await startPortkey({ folder, undo })),
    buy: () => ({ headers: portkeyHeaders(engineUrl), done() {} }),
  }),
};

/** Names of those that are known here. */
export const peerNames = Object.keys(starts);

/** Starts those that are wanted; one that is not installed is left out, with a line that says so. */
export async function startHopPeers({ folder, engineUrl, undo, wanted }) {
  const systems = {};
  for (const name of wanted.filter((one) => peerNames.includes(one))) {
    const started = await starts[name]({ folder, engineUrl, undo });
    if (started) systems[name] = started;
    else console.log(`${name} is not installed here and is left out: apt-get install ${name}`);
  }
  return systems;
}

async function startScript(name, { folder, engineUrl, undo }, roles = []) {
  const process = [name.replace('.mjs', ''), ...roles].join('-');
  const started = await startProgram({
    program: execPath,
    args: [fileURLToPath(new URL(name, import.meta.url)), ...roles],
    cwd: folder,
    env: { AITBC_BENCH_ENGINE: engineUrl },
    logFile: join(folder, `${process}.log`),
    readyOf: (line) => (line.startsWith('{"url"') ? JSON.parse(line) : undefined),
  });
  undo.push(started.stop);
  return { url: started.value.url, pids: { [process]: started.pid } };
}

/** Each lane pays from a channel of its own, because a cap only rises. */
function gateBuyer() {
  const lanes = new Map();
  return ({ body }, lane) => {
    const channel = lanes.get(lane) ?? openChannel(lane);
    lanes.set(lane, channel);
    channel.cap += pricePerCall;
    const digest = createHash('sha256').update(body).digest('hex');
    const text = `${channel.id} ${channel.cap} ${digest}`;
    const signature = hex(sign(Buffer.from(text), channel.secretKey));
    const voucher = { channel: channel.id, cap: `${channel.cap}`, signature };
    const header = Buffer.from(JSON.stringify(voucher)).toString('base64');
    return { headers: { 'x-voucher': header }, done() {} };
  };
}

function openChannel(lane) {
  const seed = createHash('sha256').update(`lane ${lane}`).digest();
  const { publicKey, secretKey } = keyPairFromSeed(new Uint8Array(seed));
  return { id: hex(publicKey), secretKey, cap: 0n };
}
