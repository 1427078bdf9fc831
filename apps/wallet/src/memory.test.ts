/**
 * Locked means that no key is in memory. A wallet runs as a process of its own; all memory that it can write is read
 * from outside, byte for byte, and so is what its heap still reaches. While it is unlocked the key must be found by the
 * same search, or the search would prove nothing. See docs/spec/wallet.md, "Memory".
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { walletEndpoints } from '@aitbc/protocol';
import { createClient } from '@aitbc/sdk';
import { mnemonicToSeed } from '@scure/bip39';
import { afterEach, describe, expect, test } from 'vitest';
import { seedFromMnemonic } from './keys/derive-seed.ts';
import { createWalletKit, newFolder, transfer } from './testing/wallet-kit.ts';

const main = fileURLToPath(new URL('../dist/testing/told-wallet.js', import.meta.url));
const isLinux = process.platform === 'linux';
const seed = Buffer.from('9f3a5c71e2084bd6a1c7f05e83d92b64c0187aee5b3f962d4471b8a6ed0c35f2', 'hex');
const { secretKey } = keyPairFromSeed(seed);
const password = 'never-in-a-snapshot-7319';
const needles: Needles = {
  seed,
  'secret key': Buffer.from(secretKey),
  'seed in hex': Buffer.from(hex(seed)),
  'secret key in hex': Buffer.from(hex(secretKey)),
};

type Needles = Readonly<Record<string, Buffer>>;

const children: ChildProcess[] = [];
const kit = createWalletKit();
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await kit.stopAll();
});

/** A folder with one account, made by another process than the one that is looked at. */
async function folderWithAccount() {
  const { admin, dataDir, daemon } = await kit.wallet();
  const { address } = await admin.createAccount({ label: 'main', password, seed: hex(seed) });
  await daemon.stop();
  kit.stops.length = 0;
  return { address, dataDir };
}

async function startChild(dataDir: string) {
  if (!existsSync(main)) throw new Error(`${main} is not built; run npm run build`);
  const child = spawn(process.execPath, ['--heapsnapshot-signal=SIGUSR2', main, dataDir], {
    cwd: dataDir,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const baseUrl = await new Promise<string>((done, fail) => {
    child.stdout?.once('data', (line: Buffer) => done(line.toString().trim()));
    child.once('exit', (code) => fail(new Error(`the wallet ended with ${code}`)));
  });
  const token = readFileSync(join(dataDir, 'admin.token'), 'utf8').trim();
  const admin = createClient(walletEndpoints, { baseUrl, token });
  return { admin, pid: child.pid as number, child };
}

const chunkBytes = 1 << 20;
const overlapBytes = 256; // more than the longest needle

/** Names of the needles that stand somewhere in what a process can write, and how often. */
function foundIn(pid: number, wanted: Needles = needles): Map<string, number> {
  const counts = new Map<string, number>();
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const buffer = Buffer.alloc(chunkBytes + overlapBytes);
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (from === undefined || to === undefined) continue;
    const end = BigInt(`0x${to}`);
    for (let at = BigInt(`0x${from}`); at < end; at += BigInt(chunkBytes)) {
      const left = end - at;
      const size = Number(left < BigInt(buffer.length) ? left : BigInt(buffer.length));
      count(readPart(memory, buffer.subarray(0, size), at), wanted, counts);
    }
  }
  closeSync(memory);
  return counts;
}

function readPart(memory: number, target: Buffer, position: bigint): Buffer {
  try {
    return target.subarray(0, readSync(memory, target, 0, target.length, position));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error;
    return target.subarray(0, 0); // a guard page, or a map that went since
  }
}

function count(part: Buffer, wanted: Needles, counts: Map<string, number>): void {
  for (const [name, needle] of Object.entries(wanted)) {
    for (let at = part.indexOf(needle); at >= 0; at = part.indexOf(needle, at + 1)) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
}

/** What the heap of a process still reaches: V8's own account of it, as text. */
async function heapOf(child: ChildProcess, folder: string): Promise<string> {
  const isSnapshot = (name: string) => name.endsWith('.heapsnapshot');
  child.kill('SIGUSR2');
  const readWhole = (): string | undefined => {
    const name = readdirSync(folder).find(isSnapshot);
    const text = name === undefined ? '' : readFileSync(join(folder, name), 'utf8');
    return text.trimEnd().endsWith('}') ? text : undefined;
  };
  let text: string | undefined;
  for (let tries = 0; text === undefined && tries < 600; tries += 1) {
    await sleep(100);
    text = readWhole();
  }
  for (const name of readdirSync(folder).filter(isSnapshot)) rmSync(join(folder, name));
  if (text === undefined) throw new Error('there was no snapshot of the heap');
  return text;
}

describe.runIf(isLinux)('the memory of a locked wallet', () => {
  test('holds no key after unlock, sign and lock; while unlocked the same search finds it', async () => {
    const { address, dataDir } = await folderWithAccount();
    const { admin, child, pid } = await startChild(dataDir);
    expect([...foundIn(pid)]).toEqual([]);
    await admin.unlock({ address, password });
    for (const nonce of [0, 1, 2]) await admin.sign({ address, tx: transfer(address, { nonce }) });
    const open = foundIn(pid);
    expect(open.get('seed')).toBeGreaterThan(0);
    expect(open.get('secret key')).toBeGreaterThan(0);
    await admin.lock({ address });
    expect([...foundIn(pid)]).toEqual([]);
    const heap = await heapOf(child, dataDir);
    expect(heap.includes('/v1/accounts/:address/unlock')).toBe(true); // the snapshot does show texts
    for (const secret of [password, hex(seed)]) expect(heap.includes(secret), secret).toBe(false);
  }, 120_000);

  test('holds no key after the time-out, a wrong password, an export and import, or a new password', async () => {
    const { address, dataDir } = await folderWithAccount();
    const { admin, pid } = await startChild(dataDir);
    await admin.unlock({ address, password: 'wrong' }).catch(() => {});
    await admin.unlock({ address, password, timeoutMs: 500 });
    const { keystore } = await admin.exportAccount({ address });
    const again = admin.importFile({ label: 'again', password, keystore });
    await expect(again).rejects.toMatchObject({ code: 'WALLET_ACCOUNT_EXISTS' });
    await admin.changePassword({ address, password, newPassword: `${password}, but longer` });
    for (let tries = 0; foundIn(pid).size > 0 && tries < 20; tries += 1) await sleep(1_000);
    expect([...foundIn(pid)]).toEqual([]);
  }, 120_000);

  test('holds nothing of a new account but its words, which cannot be wiped', async () => {
    const { admin, pid } = await startChild(newFolder());
    const { mnemonic, address } = await admin.createAccount({ label: 'new', password });
    const fresh = Buffer.from(await seedFromMnemonic(mnemonic ?? ''));
    const master = Buffer.from(await mnemonicToSeed(mnemonic ?? ''));
    const wanted = { seed: fresh, 'seed in hex': Buffer.from(hex(fresh)), 'master seed': master };
    expect([...foundIn(pid, wanted)]).toEqual([]);
    await admin.unlock({ address, password });
    expect(foundIn(pid, wanted).get('seed')).toBeGreaterThan(0);
  }, 120_000);
});
