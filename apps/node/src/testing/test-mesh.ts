/** Meshes on loopback that write down what they hear, and strangers that speak to them by hand. */
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Hex, MeshMessage } from '@aitbc/protocol';
import { createLog } from '@aitbc/service';
import { tlsIdentityOf } from '../mesh/certificate.ts';
import {
  createFrameReader,
  decodeBye,
  encodeHello,
  type Frame,
  meshVersion,
} from '../mesh/link/frames.ts';
import { createMesh } from '../mesh/mesh.ts';
import type { Mesh, MeshAddress, MeshBounds } from '../mesh/types.ts';
import type { Identity } from '../setup/key-file.ts';
import { actor } from './test-node.ts';

export const testGenesis: Hex = 'ab'.repeat(32);

/** Everything happens sooner than in real life. */
const quick: Partial<MeshBounds> = {
  ...{ handshakeMs: 1_000, pingMs: 50, silenceMs: 500, banMs: 300, probeMs: 200 },
  ...{ redialMsMin: 10, redialMsMax: 100 },
};

/** A mesh and what it has heard. */
export interface TestMesh extends Mesh {
  readonly identity: Identity;
  readonly key: Hex;
  readonly heard: { readonly peer: Hex; readonly message: MeshMessage }[];
  /** `+` and `-` with the first byte of the peer's key, in order. */
  readonly changes: string[];
  /** Codes of the losses that the log tells of. */
  readonly losses: string[];
  readonly address: MeshAddress;
  keys(): Hex[];
}

/** What a test may choose. */
export interface TestMeshOptions {
  readonly peers?: readonly MeshAddress[];
  readonly port?: number;
  readonly genesisHash?: Hex;
  readonly bounds?: Partial<MeshBounds>;
  readonly validators?: readonly Hex[];
}

/** A mesh with the key of an actor, on a free port; not started. */
export function createTestMesh(byte: number, options: TestMeshOptions = {}): TestMesh {
  const identity = actor(byte);
  const heard: TestMesh['heard'] = [];
  const changes: string[] = [];
  const losses: string[] = [];
  const { peers = [], port = 0, genesisHash = testGenesis, bounds = {}, validators } = options;
  const mesh = createMesh(
    { identity, genesisHash, host: '127.0.0.1', port, peers, bounds: { ...quick, ...bounds } },
    {
      log: createLog({ name: 'mesh', destination: lossesInto(losses) }),
      isValidator: (key) => validators?.includes(key) ?? true,
      onMessage: (peer, message) => void heard.push({ peer, message }),
      onPeer: (peer, isUp) => void changes.push(`${isUp ? '+' : '-'}${peer.slice(0, 2)}`),
    },
  );
  return Object.create(mesh, {
    ...{ identity: { value: identity }, key: { value: identity.publicKey } },
    ...{ heard: { value: heard }, changes: { value: changes }, losses: { value: losses } },
    address: {
      get: () => ({ host: '127.0.0.1', port: mesh.port, publicKey: identity.publicKey }),
    },
    keys: { value: () => mesh.peers().map(({ publicKey }) => publicKey) },
  }) as TestMesh;
}

function lossesInto(losses: string[]): { write(line: string): void } {
  return {
    write(line) {
      const { msg, code } = JSON.parse(line);
      if (msg === 'mesh: peer down') losses.push(code);
    },
  };
}

/** A TLS client that speaks frames by hand. */
export interface Stranger {
  readonly socket: TLSSocket;
  readonly frames: Frame[];
  /** Word of the bye that came. */
  bye(): string | undefined;
  isClosed(): boolean;
}

/** Connects as an actor, without a word; `undefined` comes without a certificate. */
export async function knock(port: number, byte: number | undefined): Promise<Stranger> {
  const identity = byte === undefined ? {} : tlsIdentityOf(actor(byte).keys);
  const socket = connectTls({ port, ...identity, rejectUnauthorized: false });
  const reader = createFrameReader();
  const frames: Frame[] = [];
  let isClosed = false;
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    isClosed = true;
  });
  await once(socket, 'secureConnect');
  socket.on('data', (chunk: Uint8Array) => {
    reader.push(chunk);
    for (let next = reader.next(2 ** 24); next?.ok; next = reader.next(2 ** 24)) {
      frames.push(next.value);
    }
  });
  return {
    ...{ socket, frames },
    bye() {
      const last = frames.find(({ kind }) => kind === 'bye');
      return last && decodeBye(last.content);
    },
    isClosed: () => isClosed,
  };
}

/** Hello of a stranger that nobody can reach. */
export const strangerHello = (genesisHash = testGenesis, instance = 1): Uint8Array =>
  encodeHello({ version: meshVersion, genesisHash, instance, host: '', port: 0 });
