import { createServer as createTlsServer } from 'node:tls';
import type { MeshMessage } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterEach, describe, expect, it } from 'vitest';
import { startChaosProxy } from '../testing/chaos-proxy.ts';
import { createTestMesh, type TestMesh, type TestMeshOptions } from '../testing/test-mesh.ts';
import { actor } from '../testing/test-node.ts';
import { tlsIdentityOf } from './certificate.ts';
import { encodeFrame } from './link/frames.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(byte: number, options: TestMeshOptions = {}): Promise<TestMesh> {
  const mesh = createTestMesh(byte, options);
  await mesh.start();
  closers.push(() => mesh.stop());
  return mesh;
}

const wantBlock = (byte: number): MeshMessage => ({
  type: 'wantBlock',
  hash: byte.toString(16).padStart(2, '0').repeat(32),
});
const linked = (a: TestMesh, b: TestMesh) => a.keys().includes(b.key) && b.keys().includes(a.key);
const codeAt = (mesh: TestMesh, target = 0) => mesh.targets()[target]?.fault?.code;

/** Meshes that all know each other, with fixed ports so that each can be told of the others. */
async function startFull(bytes: readonly number[]): Promise<TestMesh[]> {
  const probes = await Promise.all(bytes.map((byte) => start(byte)));
  const addresses = probes.map(({ address }) => address);
  await Promise.all(probes.map((probe) => probe.stop()));
  const meshes = bytes.map((byte, at) =>
    createTestMesh(byte, {
      port: addresses[at]?.port ?? 0,
      peers: addresses.filter((_, other) => other !== at),
    }),
  );
  await Promise.all(meshes.map((mesh) => mesh.start()));
  closers.push(...meshes.map((mesh) => () => mesh.stop()));
  return meshes;
}

const isFull = (meshes: readonly TestMesh[]) =>
  meshes.every((a) => meshes.every((b) => a === b || linked(a, b)));

/** No second connection is on its way any more: each pair has the one that stays. */
const isSettled = (meshes: readonly TestMesh[]) =>
  isFull(meshes) &&
  meshes.every((mesh) =>
    mesh.peers().every((peer) => (peer.direction === 'out') === mesh.key < peer.publicKey),
  );

describe('four nodes that know each other', () => {
  it('have one connection per pair, dialled by the smaller key, and hear each message once', async () => {
    const meshes = await startFull([1, 2, 3, 4]);
    await until(() => isFull(meshes), { what: 'a full mesh' });
    await until(() => isSettled(meshes), { what: 'the right direction' });
    for (const [at, mesh] of meshes.entries()) expect(mesh.broadcast(wantBlock(at))).toBe(3);
    await until(() => meshes.every(({ heard }) => heard.length === 3));
    for (const [at, mesh] of meshes.entries()) {
      const expected = meshes.map(({ key }, from) => ({ peer: key, message: wantBlock(from) }));
      const byPeer = (a: { peer: string }, b: { peer: string }) => (a.peer < b.peer ? -1 : 1);
      expect(mesh.heard.toSorted(byPeer)).toEqual(expected.toSpliced(at, 1).toSorted(byPeer));
      expect(mesh.peers()).toHaveLength(3);
    }
    await until(() => meshes.every((mesh) => mesh.peers().every(({ rttMs }) => (rttMs ?? 0) > 0)));
  });

  it('come together again after one of them was gone, and nobody else notices', async () => {
    const meshes = await startFull([1, 2, 3, 4]);
    await until(() => isSettled(meshes));
    const [first, ...others] = meshes as [TestMesh, TestMesh, TestMesh, TestMesh];
    const before = others.map(({ changes }) => changes.length);
    const name = first.key.slice(0, 2);
    const { port } = first.address;
    await first.stop();
    await until(() => others.every(({ changes }) => changes.at(-1) === `-${name}`));
    const again = await start(1, { port, peers: others.map(({ address }) => address) });
    await until(() => isFull([again, ...others]), { what: 'a full mesh' });
    for (const [at, { changes }] of others.entries()) {
      const names = new Set(changes.slice(before[at]).map((change) => change.slice(1)));
      expect([...names]).toEqual([name]);
    }
  });
});

describe('a connection', () => {
  it('tells where the other side listens, who dialled, and how much went over it', async () => {
    const b = await start(2);
    const a = await start(1, { peers: [b.address] });
    await until(() => linked(a, b));
    expect(a.send(b.key, wantBlock(7))).toBe(1);
    await until(() => b.heard.length === 1);
    expect(a.peers()).toMatchObject([
      { publicKey: b.key, direction: 'out', listens: `127.0.0.1:${b.port}`, queuedBytes: 0 },
    ]);
    expect(b.peers()).toMatchObject([{ direction: 'in', listens: `127.0.0.1:${a.port}` }]);
    expect(b.stats()).toMatchObject({ messagesIn: 1, connected: 1, refused: 0, banned: 0 });
    expect(a.stats().bytesOut).toBeGreaterThan(38);
    expect(a.targets()).toMatchObject([{ publicKey: b.key, isConnected: true, failedTries: 0 }]);
  });

  it('carries the largest message', async () => {
    const b = await start(2);
    const a = await start(1, { peers: [b.address] });
    await until(() => linked(a, b));
    const body = Uint8Array.from({ length: 2_097_152 }, (_, at) => at % 251);
    const message: MeshMessage = { type: 'block', hash: 'cd'.repeat(32), body };
    a.send([b.key, 'ff'.repeat(32)], message);
    await until(() => b.heard.length === 1);
    const [{ message: heard }] = b.heard as [(typeof b.heard)[0]];
    expect(heard.type === 'block' && Buffer.compare(heard.body, body)).toBe(0);
  });

  it('needs no key to begin with: it learns who answers, and does not dial a node twice', async () => {
    const b = await start(2);
    const { host, port } = b.address;
    const peers = [
      { host, port },
      { host: 'localhost', port },
    ];
    const a = await start(1, { peers });
    await until(() => a.targets().every(({ isConnected }) => isConnected));
    expect(a.targets().map(({ publicKey }) => publicKey)).toEqual([b.key, b.key]);
    expect(a.peers()).toHaveLength(1);
    const changes = [...b.changes];
    a.broadcast(wantBlock(1));
    await until(() => b.heard.length > 0);
    expect(b.changes).toEqual(changes);
  });

  it('is not made with oneself', async () => {
    const probe = await start(1);
    const { host, port } = probe.address;
    await probe.stop();
    const a = await start(1, { port, peers: [{ host, port }] });
    await until(() => codeAt(a));
    expect(codeAt(a)).toBe('MESH_WRONG_KEY');
    expect(a.targets()[0]).toMatchObject({ publicKey: a.key, fault: { facts: { got: 'ours' } } });
    expect(a.peers()).toEqual([]);
  });

  it('to a message for nobody takes nothing', async () => {
    const a = await start(1);
    expect(a.broadcast(wantBlock(1))).toBe(0);
    expect(a.send('ff'.repeat(32), wantBlock(1))).toBe(0);
  });
});

describe('nodes that do not belong together', () => {
  it('say so on both sides: another network', async () => {
    const b = await start(2, { genesisHash: 'cd'.repeat(32) });
    const a = await start(1, { peers: [b.address] });
    await until(() => codeAt(a));
    expect(codeAt(a)).toBe('MESH_WRONG_NETWORK');
    expect(a.targets()[0]?.fault?.facts).toMatchObject({
      got: 'cd'.repeat(32),
      expected: 'ab'.repeat(32),
    });
    await until(() => b.stats().refused > 0);
    expect([...a.changes, ...b.changes]).toEqual([]);
  });

  it('another key than the one in the entry', async () => {
    const b = await start(2);
    const a = await start(1, { peers: [{ ...b.address, publicKey: actor(3).publicKey }] });
    await until(() => codeAt(a));
    expect(codeAt(a)).toBe('MESH_WRONG_KEY');
    expect(a.targets()[0]?.fault?.facts).toMatchObject({ got: b.key });
    expect([...a.changes, ...b.changes]).toEqual([]);
  });

  it('another version of the mesh', async () => {
    const server = createTlsServer(
      { ...tlsIdentityOf(actor(2).keys), requestCert: true, rejectUnauthorized: false },
      (socket) => {
        socket.on('error', () => socket.destroy());
        socket.resume();
        socket.write(encodeFrame('hello', Uint8Array.of(9, 1, 2, 3)));
      },
    );
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    closers.push(() => void server.close());
    const { port } = server.address() as { port: number };
    const a = await start(1, { peers: [{ host: '127.0.0.1', port }] });
    await until(() => codeAt(a));
    expect(codeAt(a)).toBe('MESH_WRONG_VERSION');
    expect(a.targets()[0]?.fault?.facts).toMatchObject({ got: 9, expected: 1 });
  });

  it('nobody there', async () => {
    const b = await start(2);
    await b.stop();
    const a = await start(1, { peers: [b.address] });
    await until(() => codeAt(a));
    expect(codeAt(a)).toBe('UNAVAILABLE');
    await until(() => (a.targets()[0]?.failedTries ?? 0) > 2);
  });

  it('a port that is taken is PORT_IN_USE', async () => {
    const a = await start(1);
    const second = createTestMesh(2, { port: a.port ?? 0 });
    await expect(second.start()).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    await second.stop();
  });
});

describe('a bad line', () => {
  it('that falls silent looks dead after a while on both sides, and heals', async () => {
    const b = await start(2);
    const proxy = await startChaosProxy({ host: '127.0.0.1', port: b.port ?? 0 });
    closers.push(() => proxy.stop());
    const a = await start(1, { peers: [{ ...b.address, port: proxy.port }] });
    await until(() => linked(a, b));
    proxy.set({ silent: 'both' });
    await until(() => a.keys().length === 0 && b.keys().length === 0, { what: 'two losses' });
    expect(a.losses.concat(b.losses)).toContain('TIMEOUT');
    proxy.set({ silent: 'none' });
    await until(() => linked(a, b), { what: 'the connection' });
    expect(a.changes.slice(0, 3)).toEqual(['+', '-', '+'].map((sign) => sign + b.key.slice(0, 2)));
  });

  it('that breaks is dialled again', async () => {
    const b = await start(2);
    const proxy = await startChaosProxy({ host: '127.0.0.1', port: b.port ?? 0 });
    closers.push(() => proxy.stop());
    const a = await start(1, { peers: [{ ...b.address, port: proxy.port }] });
    for (let round = 0; round < 3; round += 1) {
      await until(() => linked(a, b), { what: `connection ${round}` });
      const downs = a.changes.length;
      proxy.cut();
      await until(() => a.changes.length > downs);
    }
  });

  it('that is slow and narrow still carries everything in order, and its round trip shows', async () => {
    const b = await start(2, { bounds: { silenceMs: 3_000 } });
    const proxy = await startChaosProxy({ host: '127.0.0.1', port: b.port ?? 0 }, () => 0.5);
    closers.push(() => proxy.stop());
    proxy.set({ delayMs: 20, jitterMs: 10, bytesPerSecond: 1_000_000 });
    const peers = [{ ...b.address, port: proxy.port }];
    const a = await start(1, { peers, bounds: { silenceMs: 3_000 } });
    await until(() => linked(a, b));
    for (let at = 0; at < 200; at += 1) a.send(b.key, wantBlock(at));
    await until(() => b.heard.length === 200);
    expect(b.heard.map(({ message }) => message)).toEqual(
      Array.from({ length: 200 }, (_, at) => wantBlock(at)),
    );
    await until(() => (a.peers()[0]?.rttMs ?? 0) >= 45);
  });
});
