/**
 * The part of the story in which a validator dies in the middle of the job: its process is killed without
 * a word, the job settles without it, and it comes back. What is told is read from the chain: who signed
 * the block of the settlement, and where the returned node stands.
 */
import { AppError } from '@aitbc/protocol';
import { createNodeClient } from '@aitbc/sdk';
import { pause } from '../chain/await-final.ts';
import { latencyText } from '../wording.ts';
import type { Devnet } from './bring-up.ts';
import type { NodeName } from './daemon-name.ts';
import type { Narrator } from './narrator.ts';

/** The smallest network that goes on without one of its validators. */
const validatorsMin = 4;
const rejoinTimeoutMs = 30_000;
const pollMs = 10;

/** A validator that is dead. */
export interface Outage {
  readonly killed: NodeName;
}

/** What the outage showed. */
export interface OutageResult {
  readonly killed: string;
  readonly validators: number;
  /** Validators that signed the block of the settlement. */
  readonly signers: number;
  /** From the start of the killed node's process until it has the same head as the others. */
  readonly rejoinMs: number;
}

/** Kills the last validator; undefined where the chain could not go on without it. */
export async function beginOutage(devnet: Devnet, say: Narrator): Promise<Outage | undefined> {
  const names = [...devnet.nodes.keys()];
  const killed = names.at(-1);
  if (killed === undefined || names.length < validatorsMin) return undefined;
  say.act('A validator is killed');
  const { pid } = devnet.daemon(killed);
  await devnet.kill(killed);
  say.fact(`kill -9 ${pid}: ${killed}, one of ${names.length} validators, is gone`, true);
  return { killed };
}

/** Shows that the block was signed without the dead validator, starts it again, and waits for it. */
export async function endOutage(
  devnet: Devnet,
  say: Narrator,
  { outage, height }: { readonly outage: Outage; readonly height: number },
): Promise<OutageResult> {
  const { killed } = outage;
  const signers = await signersOf(devnet, height);
  if (signers.includes(killed)) {
    throw new AppError('INTERNAL', { reason: `${killed} is dead and signed block ${height}` });
  }
  say.fact(`signed by ${signers.join(', ')}; ${killed} was not needed`, true);
  say.act('The validator comes back');
  const begunMs = performance.now();
  await devnet.restart(killed);
  const head = await sharedHead(devnet, { killed, height });
  const rejoinMs = performance.now() - begunMs;
  const root = `state root ${head.stateRoot.slice(0, 8)}…`;
  const nodes = `all ${devnet.nodes.size} nodes`;
  say.fact(`${killed} is back after ${latencyText(rejoinMs)}, with the blocks it missed`, true);
  say.fact(`block ${head.height} and ${root} are the same at ${nodes}`, true);
  return { killed, validators: devnet.nodes.size, signers: signers.length, rejoinMs };
}

/** Names of those whose votes make a block final. */
async function signersOf({ clients, nodes }: Devnet, height: number): Promise<NodeName[]> {
  const { rpc } = clients.node;
  const { certificate } = await rpc.chain_getBlock({ height });
  const { validators } = await rpc.chain_status({});
  const keys = new Set(certificate?.votes.map((vote) => validators[vote.validator]?.publicKey));
  return [...nodes].flatMap(([name, publicKey]) => (keys.has(publicKey) ? [name] : []));
}

/** Waits until all nodes have the same head, at the height or above. */
async function sharedHead(
  devnet: Devnet,
  { killed, height }: { readonly killed: NodeName; readonly height: number },
) {
  const clients = [...devnet.nodes.keys()].map((name) =>
    createNodeClient({ url: devnet.daemon(name).url }),
  );
  const begunMs = performance.now();
  try {
    for (;;) {
      const heads = await Promise.all(clients.map(({ rpc }) => rpc.chain_status({})));
      const [first] = heads;
      const isShared = heads.every(
        ({ blockHash, stateRoot }) =>
          blockHash === first?.blockHash && stateRoot === first.stateRoot,
      );
      if (first && isShared && first.height >= height) return first;
      if (performance.now() - begunMs > rejoinTimeoutMs) {
        throw new AppError('TIMEOUT', { what: killed, timeoutMs: rejoinTimeoutMs });
      }
      await pause(pollMs, devnet.signal);
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}
