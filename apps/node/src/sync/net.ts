/** The mesh of a node with what stands between it and the chain: it is open before the chain lives. */
import type { Hex, PeerStatus, Validator } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { LiveChain } from '../chain/live-chain.ts';
import type { OpenedChain } from '../chain/open-chain.ts';
import { createMesh } from '../mesh/mesh.ts';
import type { Mesh, MeshOptions } from '../mesh/types.ts';
import { createFront, type Front } from './front.ts';
import { createQuestions, type Questions } from './questions.ts';

/** Where the chain of this node stands, as far as the mesh has to know. */
export interface Stand {
  validators(): readonly Validator[];
  /** What peers are told before the chain lives. */
  status(): PeerStatus;
  /** From now on the set is that of the living chain. */
  follow(live: Pick<LiveChain, 'validators'>): void;
}

/** Where a stored chain stands. */
export function standOf({ start }: OpenedChain, validators: readonly Validator[]): Stand {
  let read = (): readonly Validator[] => validators;
  const { height, epoch, view } = start.header;
  const status = { height, hash: start.hash, epoch, view, snapshotHeight: 0 };
  return {
    validators: () => read(),
    status: () => status,
    follow(live) {
      read = live.validators;
    },
  };
}

/** Parts of a net. */
export interface NodeNetDeps {
  readonly log: Log;
  readonly stand: Stand;
}

/** A mesh and what listens to it. */
export interface NodeNet {
  readonly mesh: Mesh;
  readonly front: Front;
  readonly questions: Questions;
  readonly stand: Stand;
  /** Who said that it is connected to another node with our key, if somebody did. */
  keyInUseAt(): string | undefined;
  /** Bytes that wait for a peer. */
  waitingBytes(peer: Hex): number;
  /** Hears nothing more, and says good-bye; again and again if asked to. */
  stop(): Promise<void>;
}

/** A net whose mesh is silent until `mesh.start`. */
export function createNodeNet(options: MeshOptions, { log, stand }: NodeNetDeps): NodeNet {
  const send: Front['onMessage'] = (peer, message) => void mesh.send(peer, message);
  let keyInUseAt: string | undefined;
  const questions = createQuestions({ send });
  const front = createFront({ questions, ownStatus: stand.status, send });
  const mesh = createMesh(options, {
    log,
    isValidator: (key) => stand.validators().some(({ publicKey }) => publicKey === key),
    onMessage: front.onMessage,
    onPeer: front.onPeer,
    onKeyInUse(address) {
      keyInUseAt = address;
      log.warn({ address }, 'a node is connected to another one with our key');
    },
  });
  let stopped: Promise<void> | undefined;
  return {
    ...{ mesh, front, questions, stand },
    keyInUseAt: () => keyInUseAt,
    waitingBytes: (wanted) =>
      mesh.peers().find(({ publicKey }) => publicKey === wanted)?.queuedBytes ?? 0,
    stop() {
      front.close();
      stopped ??= mesh.stop();
      return stopped;
    },
  };
}
