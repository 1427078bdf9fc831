/**
 * Numbers of a node for `/metrics`. Most are read when somebody asks; what can only be seen while it happens is counted by
 * the meter. Times are seconds, as usual there.
 */
import { performance } from 'node:perf_hooks';
import { protocolVersion, upgradeAt } from '@aitbc/chain';
import { type Hex, limits } from '@aitbc/protocol';
import type { FinalBlock } from '@aitbc/replica';
import type { Http } from '@aitbc/service';
import type { LiveChain } from './chain/live-chain.ts';
import { ranks } from './mesh/link/send-queue.ts';
import type { Mesh, MeshStats } from './mesh/types.ts';
import type { Store } from './storage/store.ts';
import type { Verifier } from './verify/verifier.ts';

const finalityBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

type Metrics = Http['metrics'];

/** What happens in a node. */
export interface NodeMeter {
  /** A transaction of a user of this node waits now. */
  txAdmitted(txId: Hex): void;
  blocksStored(blocks: readonly Pick<FinalBlock, 'txs'>[]): void;
  journalSynced(): void;
  storeCommitted(): void;
  evidenceSeen(): void;
}

/** A meter at zero. */
export function createNodeMeter(metrics: Metrics): NodeMeter {
  const admittedAtMs = new Map<Hex, number>();
  const counts = { blocks: 0, txs: 0, syncs: 0, commits: 0, evidence: 0 };
  const observeFinality = metrics.histogram(
    {
      name: 'aitbc_finality_seconds',
      help: 'From the admission of a transaction by this node to its final block on disk.',
    },
    finalityBuckets,
  );
  const count = (name: keyof typeof counts, metric: string, help: string): void =>
    metrics.counter({ name: metric, help }, () => counts[name]);
  count('blocks', 'aitbc_final_blocks_total', 'Final blocks stored since the start.');
  count('txs', 'aitbc_final_transactions_total', 'Transactions in them.');
  count('syncs', 'aitbc_journal_syncs_total', 'Batches of own votes written and synced.');
  count('commits', 'aitbc_store_commits_total', 'Times that final blocks were stored.');
  count('evidence', 'aitbc_evidence_seen_total', 'Validators seen to contradict themselves.');
  return {
    txAdmitted(txId) {
      admittedAtMs.set(txId, performance.now());
      if (admittedAtMs.size <= limits.mempoolTxCount) return;
      admittedAtMs.delete(admittedAtMs.keys().next().value as Hex);
    },
    blocksStored(blocks) {
      counts.blocks += blocks.length;
      const nowMs = performance.now();
      for (const { txId } of blocks.flatMap(({ txs }) => txs)) {
        counts.txs += 1;
        const sinceMs = admittedAtMs.get(txId);
        if (sinceMs === undefined) continue;
        observeFinality((nowMs - sinceMs) / 1_000);
        admittedAtMs.delete(txId);
      }
    },
    journalSynced() {
      counts.syncs += 1;
    },
    storeCommitted() {
      counts.commits += 1;
    },
    evidenceSeen() {
      counts.evidence += 1;
    },
  };
}

/** Where numbers are read. */
export interface NodeNumbers {
  readonly live: Pick<LiveChain, 'head' | 'replica'>;
  readonly verifier: Pick<Verifier, 'waiting' | 'checked'>;
  readonly mesh: Pick<Mesh, 'peers' | 'stats'> | undefined;
  readonly store: Store;
}

/** Adds the numbers that are read when somebody asks. */
export function addNodeMetrics(metrics: Metrics, numbers: NodeNumbers): void {
  const { live, verifier, mesh, store } = numbers;
  const { replica } = live;
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.gauge({ name, help }, read);
  gauge('aitbc_height', 'Height of the last final block on disk.', () => live.head().header.height);
  gauge('aitbc_epoch', 'Epoch of agreement.', () => replica.status().epoch);
  gauge('aitbc_view', 'View of agreement.', () => replica.status().view);
  gauge('aitbc_peers', 'Connected nodes.', () => mesh?.peers().length ?? 0);
  gauge('aitbc_peer_height', 'Highest head that a peer claims.', () => replica.status().peerHeight);
  gauge('aitbc_mempool_transactions', 'Waiting transactions.', () => replica.mempool().count);
  gauge('aitbc_mempool_bytes', 'Their bytes.', () => replica.mempool().sizeBytes);
  gauge('aitbc_verify_waiting', 'Transactions whose signatures wait.', () => verifier.waiting());
  metrics.counter(
    {
      name: 'aitbc_node_signatures_checked_total',
      help: 'Signatures of transactions checked at admission, from users and peers.',
    },
    () => verifier.checked(),
  );
  gauge('aitbc_is_validator', '1 for a member of the set.', () =>
    Number(replica.status().isValidator),
  );
  gauge('aitbc_may_vote', '1 when its votes count.', () => Number(replica.status().mayVote));
  gauge('aitbc_is_syncing', '1 while blocks are fetched.', () =>
    Number(replica.status().isSyncing),
  );
  gauge('aitbc_is_halted', '1 when it cannot go on.', () => Number(replica.status().isHalted));
  gauge('aitbc_upgrade_height', 'Height of an upgrade that this program does not know.', () => {
    const upgrade = upgradeAt(store);
    return upgrade && upgrade.next > protocolVersion ? upgrade.height : 0;
  });
  if (mesh) addMeshMetrics(metrics, mesh);
}

function addMeshMetrics(metrics: Metrics, mesh: Pick<Mesh, 'stats'>): void {
  const counter = (name: string, help: string, read: (stats: MeshStats) => number): void =>
    metrics.counter({ name: `aitbc_mesh_${name}_total`, help }, () => read(mesh.stats()));
  counter('messages_in', 'Messages from peers.', ({ messagesIn }) => messagesIn);
  counter('messages_out', 'Messages to peers.', ({ messagesOut }) => messagesOut);
  counter('bytes_in', 'Bytes from peers.', ({ bytesIn }) => bytesIn);
  counter('bytes_out', 'Bytes to peers.', ({ bytesOut }) => bytesOut);
  counter('connected', 'Connections that got through their greeting.', (stats) => stats.connected);
  counter('refused', 'Greetings that failed or were turned away.', ({ refused }) => refused);
  counter('banned', 'Peers that were cut off for what they said.', ({ banned }) => banned);
  for (const rank of ranks) {
    const help = `Frames of the rank ${rank} that a slow peer never got.`;
    counter(`dropped_${rank}`, help, ({ dropped }) => dropped[rank]);
  }
}
