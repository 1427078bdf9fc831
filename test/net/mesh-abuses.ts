/** Abuses of a node's mesh port: greeted properly, then anything but what an honest node says. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { frameKinds, knock, type Stranger, strangerHello } from '@aitbc/node/testing';
import { hex } from '@aitbc/primitives';
import { encodeMeshMessage, limits, type MeshMessage, type Network } from '@aitbc/protocol';
import { type Abuse, count } from './abuses.ts';

/** A frame of any kind; its length may lie. */
function frame(kind: number, content: Uint8Array, claimedBytes = 1 + content.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(claimedBytes);
  head[4] = kind;
  return Buffer.concat([head, content]);
}

const say = (message: MeshMessage): Buffer => frame(frameKinds.message, encodeMeshMessage(message));

function forgedVotes(view: number): MeshMessage {
  const blockHash = hex(randomBytes(32));
  const votes = Array.from({ length: limits.meshVotes }, (_, at) => ({
    ...{ kind: 'notarize' as const, epoch: 0, view: view + at, blockHash, validator: 0 },
    signature: hex(randomBytes(64)),
  }));
  return { type: 'votes', votes };
}

const farView = 2 ** 40;
const farHeight = 2 ** 40;
const blockHash = 'cd'.repeat(32);

/** What is said, again and again, by its name. */
const speeches: Readonly<Record<string, () => Buffer>> = {
  'forged votes': () => say(forgedVotes(1)),
  'votes of far views': () => say(forgedVotes(farView)),
  'far status': () => {
    const stand = { height: farHeight, hash: blockHash, epoch: 9_999, view: farView };
    return say({ type: 'status', status: { ...stand, snapshotHeight: farHeight } });
  },
  'blocks nobody asked for': () => {
    return say({ type: 'block', hash: blockHash, body: randomBytes(1_000_000) });
  },
  'transactions of noise': () => {
    const txs = Array.from({ length: limits.meshTxs }, () => randomBytes(200));
    return say({ type: 'txs', txs });
  },
  'all blocks, please': () => say({ type: 'wantRange', from: 1, to: limits.meshRangeBlocks }),
  'all certificates, please': () => {
    return say({ type: 'wantCertificates', epoch: 0, fromView: 1, toView: farView });
  },
  'unknown message': () => frame(frameKinds.message, Uint8Array.of(99, 1, 2, 3)),
  'unknown frame': () => frame(77, randomBytes(100)),
  'huge frame': () => frame(frameKinds.message, randomBytes(1_000), 0xffff_ffff),
  'largest frame of noise': () => frame(frameKinds.message, randomBytes(limits.meshFrameBytes)),
  pings: () => frame(frameKinds.ping, randomBytes(8)),
};

const visitMs = 700;
const knockMs = 2_000;
const keys = 240; // later ones belong to the actors of other tests

/** Strangers, each with a key of its own, as a key that was heard once is kept out for a minute. */
export function floodMesh(port: number, network: Network): Abuse {
  return async (tally, signal) => {
    const names = Object.keys(speeches);
    for (let visit = 0; !signal.aborted; visit += 1) {
      const name = names[visit % names.length] as string;
      const key = 1 + (visit % keys);
      const knocked = knock(port, key).catch(() => undefined);
      const stranger = await Promise.race([knocked, sleep(knockMs, undefined)]);
      if (!stranger) {
        count(tally, 'not let in');
        await sleep(50);
        continue;
      }
      stranger.socket.write(strangerHello(network.genesisHash, 1 + visit));
      const said = await repeat(stranger, speeches[name] as () => Buffer, signal);
      const end = stranger.isClosed() ? (stranger.bye() ?? 'cut') : 'still in';
      count(tally, `${name}: ${end}`);
      count(tally, `${name}: sent`, said);
      stranger.socket.destroy();
    }
  };
}

/** Says it as often as the node reads, until the visit is over or it is thrown out. */
async function repeat(
  { socket, isClosed }: Stranger,
  speech: () => Buffer,
  signal: AbortSignal,
): Promise<number> {
  const endMs = performance.now() + visitMs;
  let said = 0;
  while (!isClosed() && performance.now() < endMs && !signal.aborted) {
    if (socket.writable && !socket.writableNeedDrain) {
      socket.write(speech());
      said += 1;
    }
    await sleep(1);
  }
  return said;
}
