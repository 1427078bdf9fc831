/**
 * Where messages of the mesh go. Before the chain of this node lives, only what joining needs is listened to: what peers
 * say of themselves, and answers to questions. From `handOver` on everything but snapshots is the chain's.
 */
import type { Hex, MeshMessage, PeerStatus } from '@aitbc/protocol';
import type { LiveChain } from '../chain/live-chain.ts';
import type { Answer, Questions } from './questions.ts';
import type { Question, SnapshotServer } from './snapshot-server.ts';

/** What takes over. */
export interface FrontTakers {
  readonly live: Pick<LiveChain, 'onMessage' | 'onPeer'>;
  readonly server: SnapshotServer;
}

/** Parts of a front. */
export interface FrontDeps {
  readonly questions: Questions;
  /** What a peer is told of us while the chain does not live. */
  ownStatus(): PeerStatus | undefined;
  send(peer: Hex, message: MeshMessage): void;
}

/** Handlers of a mesh. */
export interface Front {
  onPeer(peer: Hex, isUp: boolean): void;
  onMessage(peer: Hex, message: MeshMessage): void;
  /** Connected peers, and what each said last. */
  statuses(): ReadonlyMap<Hex, PeerStatus | undefined>;
  handOver(takers: FrontTakers): void;
  /** Takes nothing more. */
  close(): void;
}

/** A front with nobody behind it. */
export function createFront({ questions, ownStatus, send }: FrontDeps): Front {
  const peers = new Map<Hex, PeerStatus | undefined>();
  let takers: FrontTakers | undefined;
  let isClosed = false;
  return {
    onPeer(peer, isUp) {
      if (isClosed) return;
      if (isUp) peers.set(peer, undefined);
      else {
        peers.delete(peer);
        questions.onPeerDown(peer);
      }
      if (takers) return takers.live.onPeer(peer, isUp);
      const status = ownStatus();
      if (isUp && status) send(peer, { type: 'status', status });
    },
    onMessage(peer, message) {
      if (isClosed) return;
      if (isAnswer(message)) questions.onAnswer(peer, message);
      else if (isQuestion(message)) takers?.server.answer(peer, message);
      else if (takers) takers.live.onMessage(peer, message);
      else if (message.type === 'status' && peers.has(peer)) peers.set(peer, message.status);
    },
    statuses: () => peers,
    handOver(next) {
      takers = next;
      for (const [peer, status] of peers) {
        next.live.onPeer(peer, true);
        if (status) next.live.onMessage(peer, { type: 'status', status });
      }
    },
    close() {
      isClosed = true;
      questions.stop();
    },
  };
}

function isQuestion(message: MeshMessage): message is Question {
  const { type } = message;
  return type === 'wantSnapshot' || type === 'wantChunk' || type === 'wantBundle';
}

function isAnswer(message: MeshMessage): message is Answer {
  const { type } = message;
  return type === 'snapshot' || type === 'chunk' || type === 'bundle';
}
