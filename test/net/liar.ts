/** A validator's key in bad hands: it joins the mesh as that validator and signs what contradicts itself. */
import { createMesh, type Identity } from '@aitbc/node/testing';
import { hex, randomBytes } from '@aitbc/primitives';
import { type MeshMessage, type PeerStatus, signVote } from '@aitbc/protocol';
import { createLog } from '@aitbc/service';
import { call, until } from './rpc.ts';
import type { ValidatorNet } from './validator-net.ts';

/** Views ahead of the others in which the lie stands: not decided yet when it arrives. */
const aheadViews = 3;

/**
 * Sends every other node two notarize votes for different blocks of one view, again and again for later
 * views, until `isEnough`. The node of this key must be down. Pairs of votes that were sent.
 */
export async function lie(
  net: ValidatorNet,
  at: number,
  isEnough: () => Promise<boolean>,
): Promise<number> {
  const identity = net.identity(at);
  const others = net.awake();
  let status: PeerStatus | undefined;
  const onMessage = (_peer: string, message: MeshMessage): void => {
    if (message.type === 'status') status = message.status;
  };
  const mesh = createMesh(
    {
      ...{ identity, genesisHash: net.network.genesisHash, host: '127.0.0.1', port: 0 },
      peers: others.map((other) => {
        const [host = '', port] = net.meshAddress(other).split(':');
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
    await until('the liar is connected', async () => mesh.peers().length === others.length);
    await until('the lie is known', async () => {
      if (status)
        mesh.broadcast({ type: 'votes', votes: await contradiction(net, identity, status) });
      pairs += status ? 1 : 0;
      return isEnough();
    });
  } finally {
    await mesh.stop();
  }
  return pairs;
}

async function contradiction(net: ValidatorNet, identity: Identity, { epoch, view }: PeerStatus) {
  const [first = 0] = net.awake();
  const { validators } = await call(net.url(first), 'chain_status');
  const validator = validators.findIndex(
    (one: { publicKey: string }) => one.publicKey === identity.publicKey,
  );
  if (validator < 0) return []; // it is out: nobody counts its votes any more
  return [1, 2].map(() => {
    const blockHash = hex(randomBytes(32));
    const vote = {
      kind: 'notarize',
      epoch,
      view: view + aheadViews,
      blockHash,
      validator,
    } as const;
    return signVote(net.network, vote, identity.keys.secretKey);
  });
}
