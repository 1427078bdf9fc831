/** A validator's key in bad hands: it joins the mesh as that validator and signs what contradicts itself. */
import { createMesh, type Identity } from '@aitbc/node/testing';
import { hex, randomBytes } from '@aitbc/primitives';
import { type MeshMessage, type Network, type PeerStatus, signVote } from '@aitbc/protocol';
import { createLog } from '@aitbc/service';
import { call, until } from '../chain/rpc.ts';

/** Views ahead of the others in which the lie stands: not decided yet when it arrives. */
const aheadViews = 3;
const againMs = 250;

/** Where the liar speaks. */
export interface LiarScene {
  readonly network: Network;
  readonly identity: Identity;
  /** Mesh addresses of the others, `host:port`. */
  readonly peers: readonly string[];
  /** Number of this validator in the set of now; below 0 when it is out, or nobody can say. */
  validatorNumber(): Promise<number>;
}

/**
 * Sends every other node two notarize votes for different blocks of one view, again and again for later
 * views, until `isEnough`. The node of this key must be down. Pairs of votes that were sent.
 */
export async function lie(scene: LiarScene, isEnough: () => Promise<boolean>): Promise<number> {
  const { identity, network, peers } = scene;
  let status: PeerStatus | undefined;
  const onMessage = (_peer: string, message: MeshMessage): void => {
    if (message.type === 'status') status = message.status;
  };
  const mesh = createMesh(
    {
      ...{ identity, genesisHash: network.genesisHash, host: '127.0.0.1', port: 0 },
      peers: peers.map((peer) => {
        const [host = '', port] = peer.split(':');
        return { host, port: Number(port) };
      }),
    },
    {
      log: createLog({ name: 'liar', level: 'silent' }),
      isValidator: () => true,
      onMessage,
      onPeer: () => {},
    },
  );
  await mesh.start();
  let pairs = 0;
  try {
    await until('the liar is connected', async () => mesh.peers().length > 0, Infinity);
    for (;;) {
      if (status) {
        const votes = await contradiction(scene, status);
        if (votes.length > 0) mesh.broadcast({ type: 'votes', votes });
        pairs += votes.length > 0 ? 1 : 0;
      }
      if (await isEnough()) return pairs;
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  } finally {
    await mesh.stop();
  }
}

async function contradiction(
  { validatorNumber, identity, network }: LiarScene,
  status: PeerStatus,
) {
  const { epoch, view } = status;
  const validator = await validatorNumber();
  if (validator < 0) return []; // nobody counts its votes any more
  return [1, 2].map(() => {
    const blockHash = hex(randomBytes(32));
    const vote = {
      kind: 'notarize',
      epoch,
      view: view + aheadViews,
      blockHash,
      validator,
    } as const;
    return signVote(network, vote, identity.keys.secretKey);
  });
}

/** Number of a validator as a node tells it; -1 when it is out, or the node does not answer. */
export async function validatorNumberAt(url: string, publicKey: string): Promise<number> {
  try {
    const { validators } = await call(url, 'chain_status');
    return validators.findIndex((one: { publicKey: string }) => one.publicKey === publicKey);
  } catch {
    return -1;
  }
}
