/** What strangers can do to a mesh: nothing but end their own connection. */
import { connect as connectTcp, type Socket } from 'node:net';
import { encodeMeshMessage, limits, type MeshMessage } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createTestMesh,
  knock,
  type Stranger,
  strangerHello,
  type TestMesh,
  type TestMeshOptions,
} from '../testing/test-mesh.ts';
import { actor } from '../testing/test-node.ts';
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

async function visit(mesh: TestMesh, byte: number | undefined): Promise<Stranger> {
  const stranger = await knock(mesh.port ?? 0, byte);
  closers.push(() => stranger.socket.destroy());
  return stranger;
}

/** A stranger that is in. */
async function enter(mesh: TestMesh, byte: number): Promise<Stranger> {
  const stranger = await visit(mesh, byte);
  stranger.socket.write(strangerHello());
  await until(() => mesh.keys().includes(actor(byte).publicKey), { what: 'entry' });
  return stranger;
}

async function tcp(mesh: TestMesh): Promise<Socket & { isGone: boolean }> {
  const socket = Object.assign(connectTcp(mesh.port ?? 0), { isGone: false });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    socket.isGone = true;
  });
  socket.resume();
  closers.push(() => socket.destroy());
  await new Promise((done) => socket.once('connect', done));
  return socket;
}

const messageFrame = (message: MeshMessage) => encodeFrame('message', encodeMeshMessage(message));
const wantBlock: MeshMessage = { type: 'wantBlock', hash: 'cd'.repeat(32) };
const votesOf = (count: number): MeshMessage => ({
  type: 'votes',
  votes: Array.from({ length: count }, (_, validator) => ({
    ...{ kind: 'nullify', epoch: 0, view: 1, blockHash: '00'.repeat(32) },
    ...{ validator, signature: '11'.repeat(64) },
  })),
});

/** A mesh with an honest friend who must not notice anything. */
let mesh: TestMesh;
let friend: TestMesh;
beforeEach(async () => {
  mesh = await start(1);
  friend = await start(2, { peers: [mesh.address] });
  await until(() => mesh.keys().length === 1 && friend.keys().length === 1);
});

async function expectUnharmed(): Promise<void> {
  const before = mesh.heard.length;
  friend.broadcast(wantBlock);
  await until(() => mesh.heard.length === before + 1, { what: 'a word of the friend' });
  expect(friend.changes).toEqual([`+${mesh.key.slice(0, 2)}`]);
}

describe('before the greeting', () => {
  it('garbage in place of TLS ends the connection', async () => {
    const socket = await tcp(mesh);
    socket.write('GET / HTTP/1.1\r\nHost: mesh\r\n\r\n');
    await until(() => socket.isGone);
    expect(mesh.stats().refused).toBe(1);
    await expectUnharmed();
  });

  it('silence is cut off: before TLS and before the hello', async () => {
    const impatient = await start(3, { bounds: { handshakeMs: 60 } });
    const socket = await tcp(impatient);
    const stranger = await visit(impatient, 9);
    await until(() => socket.isGone && stranger.isClosed());
    expect(stranger.bye()).toBe('silent');
    expect(impatient.stats().refused).toBe(2);
  });

  it('a caller without a certificate is not heard', async () => {
    const stranger = await visit(mesh, undefined);
    stranger.socket.write(strangerHello());
    await until(() => stranger.isClosed());
    expect(stranger.frames).toEqual([]);
    await expectUnharmed();
  });

  it('many who say nothing do not keep out one who speaks', async () => {
    const narrow = await start(3, { bounds: { greeting: 4, handshakeMs: 5_000 } });
    const silent: { readonly isGone: boolean }[] = [];
    for (let count = 0; count < 12; count += 1) silent.push(await tcp(narrow));
    await until(() => silent.filter(({ isGone }) => isGone).length >= 8);
    await enter(narrow, 9);
  });

  it.each([
    ['a message', messageFrame(wantBlock)],
    ['a ping', encodeFrame('ping', new Uint8Array(8))],
    ['a hello that is cut short', encodeFrame('hello', Uint8Array.of(1, 2, 3))],
    ['a frame of no bytes', Uint8Array.of(0, 0, 0, 0)],
    ['a frame of an unknown kind', Uint8Array.of(0, 0, 0, 1, 77)],
    ['a frame longer than a hello can be', Uint8Array.of(0, 0, 16, 0, 1)],
  ])('%s ends it, and its key stays out for a while', async (_, bytes) => {
    const stranger = await visit(mesh, 9);
    stranger.socket.write(bytes);
    await until(() => stranger.isClosed());
    expect(stranger.bye()).toBe('malformed');
    const again = await visit(mesh, 9);
    again.socket.write(strangerHello());
    await until(() => again.isClosed());
    expect(again.bye()).toBe('banned');
    await expectUnharmed();
  });

  it('a caller from another network is told where it is', async () => {
    const stranger = await visit(mesh, 9);
    stranger.socket.write(strangerHello('cd'.repeat(32)));
    await until(() => stranger.isClosed());
    expect(stranger.frames.map(({ kind }) => kind)).toEqual(['hello']);
    expect(mesh.changes).toHaveLength(1);
  });
});

describe('a peer', () => {
  it.each([
    ['a message that cannot be read', encodeFrame('message', Uint8Array.of(99))],
    ['a frame above the limit', Buffer.from([0x01, 0, 0, 0, 5])],
    ['a second hello', strangerHello()],
    ['a ping of another size', encodeFrame('ping', new Uint8Array(9))],
  ])('that sends %s is out, with MESH_MALFORMED, until its ban is over', async (_, bytes) => {
    const stranger = await enter(mesh, 9);
    stranger.socket.write(Buffer.concat([messageFrame(wantBlock), bytes, messageFrame(wantBlock)]));
    await until(() => stranger.isClosed());
    expect(stranger.bye()).toBe('malformed');
    expect(mesh.heard).toEqual([{ peer: actor(9).publicKey, message: wantBlock }]);
    expect(mesh.stats().banned).toBe(1);
    await expectUnharmed();
    await until(async () => {
      const again = await visit(mesh, 9);
      again.socket.write(strangerHello());
      await until(() => again.frames.length > 0);
      return again.frames[0]?.kind === 'hello';
    });
  });

  it('that sends random bytes never gets further than its own end', async () => {
    const patient = await start(3, { bounds: { banMs: 0 } });
    const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.boolean(), async (parts, isFramed) => {
        const stranger = await enter(patient, 9);
        for (const part of parts) {
          stranger.socket.write(isFramed ? encodeFrame('message', part) : part);
        }
        stranger.socket.end();
        await until(() => patient.keys().length === 0);
      }),
      { numRuns: 25 },
    );
  });

  it('that the node finds dishonest is out', async () => {
    const stranger = await enter(mesh, 9);
    mesh.penalize(actor(9).publicKey, 'a range that does not certify');
    await until(() => stranger.isClosed());
    expect(stranger.bye()).toBe('banned');
    mesh.penalize(actor(10).publicKey, 'heard from elsewhere');
    const other = await visit(mesh, 10);
    other.socket.write(strangerHello());
    await until(() => other.bye() === 'banned');
    await expectUnharmed();
  });

  it('that does not read loses gossip first, then its connection: MESH_SLOW', async () => {
    const busy = await start(3, { bounds: { queueBytes: 400_000, silenceMs: 60_000 } });
    const other = await start(4, { peers: [busy.address] });
    await until(() => other.keys().length === 1);
    const stranger = await enter(busy, 9);
    stranger.socket.pause();
    const key = actor(9).publicKey;
    const gossip: MeshMessage = { type: 'txs', txs: [new Uint8Array(limits.txSizeBytes)] };
    await until(
      () => {
        for (let count = 0; count < 50; count += 1) busy.send(key, gossip);
        return busy.stats().dropped.gossip > 0;
      },
      { intervalMs: 1 },
    );
    expect(busy.keys()).toContain(key);
    await until(
      () => {
        for (let count = 0; count < 50; count += 1) busy.send(key, votesOf(100));
        return !busy.keys().includes(key);
      },
      { intervalMs: 1 },
    );
    expect(busy.losses).toEqual(['MESH_SLOW']);
    expect(busy.stats().dropped.votes).toBe(1);
    const before = other.heard.length;
    busy.send(other.key, wantBlock);
    await until(() => other.heard.length > before);
    expect(other.changes).toHaveLength(1);
  });

  it('that takes nothing for too long is cut off', async () => {
    const strict = await start(3, { bounds: { silenceMs: 300, queueBytes: 64_000_000 } });
    const stranger = await enter(strict, 9);
    stranger.socket.pause();
    const talk = setInterval(() => {
      stranger.socket.write(encodeFrame('ping', new Uint8Array(8)));
      strict.broadcast({ type: 'block', hash: 'cd'.repeat(32), body: new Uint8Array(1_000_000) });
    }, 20);
    closers.push(() => clearInterval(talk));
    await until(() => strict.keys().length === 0, { what: 'the cut' });
    expect(strict.losses).toEqual(['MESH_SLOW']);
  });

  it('that sends more than its rate is read no faster than that', async () => {
    const bounds = { followerRate: 400_000, silenceMs: 5_000 };
    const slow = await start(3, { validators: [], bounds });
    const stranger = await enter(slow, 9);
    const startedMs = performance.now();
    const tx: MeshMessage = { type: 'txs', txs: [new Uint8Array(20_000)] };
    for (let count = 0; count < 40; count += 1) stranger.socket.write(messageFrame(tx));
    await until(() => slow.heard.length === 40);
    expect(performance.now() - startedMs).toBeGreaterThan(700); // 0.8 MB, the first 0.4 MB at once
  });

  it('that is no validator needs a free place: MESH_REFUSED', async () => {
    const friendKey = actor(8).publicKey;
    const bounds = { followers: 1 };
    const full = await start(3, { validators: [friendKey], bounds });
    await enter(full, 9);
    const second = await start(7, { peers: [full.address] });
    const fault = await until(() => second.targets()[0]?.fault);
    expect(fault.code).toBe('MESH_REFUSED');
    expect(fault.facts.reason).toBe('its last word was "full"');
    expect(second.changes).toEqual([]);
    await enter(full, 8);
    expect(full.keys()).toHaveLength(2);
  });

  it('that comes again takes the place of its older connection', async () => {
    const older = await enter(mesh, 9);
    const newer = await visit(mesh, 9);
    newer.socket.write(strangerHello());
    await until(() => older.isClosed());
    expect(older.bye()).toBe('duplicate');
    newer.socket.write(messageFrame(wantBlock));
    await until(() => mesh.heard.length === 1);
    const name = actor(9).publicKey.slice(0, 2);
    expect(mesh.changes.slice(1)).toEqual([`+${name}`, `-${name}`, `+${name}`]);
  });

  it('with the key of a live one is turned away, and told why: KEY_IN_USE', async () => {
    const older = await start(7, { peers: [mesh.address] });
    await until(() => mesh.keys().includes(older.key));
    const before = mesh.changes.length;
    const second = await start(7, { peers: [mesh.address] });
    const fault = await until(() => second.targets()[0]?.fault);
    expect(fault.code).toBe('KEY_IN_USE');
    expect(older.changes).toHaveLength(1);
    expect([mesh.changes.length, second.changes.length]).toEqual([before, 0]);
    await older.stop();
    await until(() => second.keys().length === 1, { what: 'the place that became free' });
  });

  it('with the key of one that answers no ping takes its place', async () => {
    const lost = await enter(mesh, 9); // it never answers
    const newer = await visit(mesh, 9);
    newer.socket.write(strangerHello(undefined, 2));
    await until(() => newer.frames.some(({ kind }) => kind === 'hello'));
    await until(() => lost.isClosed());
    newer.socket.write(messageFrame(wantBlock));
    await until(() => mesh.heard.length === 1);
  });
});
