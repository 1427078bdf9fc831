/**
 * Envelopes between machines that know nobody: libp2p with noise, yamux, gossipsub and, for one receiver, a
 * protocol of our own. The peer id is the account key, so a peer cannot pretend to be another. Validators do not
 * vote over it: their mesh is of another kind (docs/spec/consensus.md, "Mesh").
 *
 * Every node checks an envelope before it forwards it. Delivery to all is likely and not certain, and order
 * holds along one path only: what must not be lost is sent to one receiver, who acknowledges it.
 */
import { hex } from '@aitbc/primitives';
import { AppError, type Hex } from '@aitbc/protocol';
import type { TopicValidatorResult } from '@libp2p/gossipsub';
import type { CarrierSink, Judgement } from '../carrier.ts';
import type { DirectNode } from './node.ts';
import { createPenalties } from './penalties.ts';
import type { DirectCarrier, DirectDeps, DirectOptions } from './types.ts';
import { addWithResolvers } from './with-resolvers.ts';

const attemptMs = 5_000;

/** What exists between start and stop. */
interface Running {
  readonly node: DirectNode;
  readonly sink: CarrierSink;
  readonly parts: Awaited<ReturnType<typeof loadParts>>;
  readonly stopped: AbortController;
  dialling: Promise<void>;
}

/** A carrier of the open network; libp2p is loaded and started in `start`. */
export function createDirectCarrier(options: DirectOptions, deps: DirectDeps): DirectCarrier {
  const penalties = createPenalties(deps.clock);
  const carried = new Set(options.carriedTopics ?? []);
  let running: Running | undefined;
  const prefix = `aitbc/${options.network.genesisHash.slice(0, 16)}/`;
  const now = (): Running => {
    if (!running) throw new AppError('BUS_STOPPED');
    return running;
  };
  const listenTo = (topic: string) => {
    const { node, sink } = now();
    const { pubsub } = node.services;
    pubsub.topicValidators.set(prefix + topic, (peer, message) => {
      const judgement = sink.onTopic(topic, message.data);
      if (judgement === 'reject') penalties.add(peer.toString());
      return resultOf(judgement);
    });
    pubsub.subscribe(prefix + topic);
  };
  return {
    async start(sink) {
      running = await startNode({ options, deps, sink, scoreOf: penalties.scoreOf });
      for (const topic of carried) listenTo(topic);
    },
    async stop() {
      const ending = running;
      running = undefined;
      if (ending) await stopNode(ending);
    },
    async join(topic) {
      if (!carried.has(topic)) listenTo(topic);
    },
    async leave(topic) {
      if (carried.has(topic) || !running) return;
      running.node.services.pubsub.unsubscribe(prefix + topic);
      running.node.services.pubsub.topicValidators.delete(prefix + topic);
    },
    async broadcast(topic, envelope) {
      await now().node.services.pubsub.publish(prefix + topic, envelope);
    },
    deliver: (to, envelope, signal) => deliver(now(), { to, envelope, signal }),
    addresses: () => (running?.node.getMultiaddrs() ?? []).map(String),
    peers: () => (running ? peerKeys(running.node) : []),
  };
}

/** The enum of gossipsub, whose module is not loaded before it is needed. */
function resultOf(judgement: Judgement): TopicValidatorResult {
  return judgement as TopicValidatorResult;
}

/** libp2p takes half a second to load; who uses another carrier does not pay for it. */
async function loadParts() {
  addWithResolvers();
  const [{ createNode }, protocol, { keepDialling }, { connectTo }] = await Promise.all([
    import('./node.ts'),
    import('./message-protocol.ts'),
    import('./redial.ts'),
    import('./find-peer.ts'),
  ]);
  return { createNode, ...protocol, keepDialling, connectTo };
}

interface StartParts {
  readonly options: DirectOptions;
  readonly deps: DirectDeps;
  readonly sink: CarrierSink;
  readonly scoreOf: (peer: string) => number;
}

async function startNode({ options, deps, sink, scoreOf }: StartParts): Promise<Running> {
  const parts = await loadParts();
  const node = await parts.createNode(options, scoreOf);
  const showState = () => sink.onState(node.getConnections().length > 0 ? 'connected' : 'cut');
  node.addEventListener('connection:open', showState);
  node.addEventListener('connection:close', showState);
  try {
    await parts.answerMessages(node, sink);
    await node.start();
  } catch (error) {
    await node.stop();
    const reason = error instanceof Error ? error.message : 'unknown';
    throw new AppError(
      'UNAVAILABLE',
      { what: 'The peer-to-peer network', reason },
      { cause: error },
    );
  }
  showState();
  const stopped = new AbortController();
  const peers = [...(options.peers ?? []), ...(options.relays ?? [])];
  const dialling = parts.keepDialling(node, peers, { log: deps.log, signal: stopped.signal });
  return { node, sink, parts, stopped, dialling };
}

async function stopNode({ node, stopped, dialling }: Running): Promise<void> {
  stopped.abort();
  await dialling;
  await node.stop();
}

interface Delivery {
  readonly to: Hex;
  readonly envelope: Uint8Array;
  readonly signal: AbortSignal | undefined;
}

/** Throws AppError UNAVAILABLE. */
async function deliver({ node, sink, parts }: Running, { to, envelope, signal }: Delivery) {
  const ends = AbortSignal.timeout(attemptMs);
  const ended = signal ? AbortSignal.any([signal, ends]) : ends;
  const connection = await parts.connectTo(node, to, ended);
  try {
    await parts.sendMessage(connection, envelope, { sink, signal: ended });
  } catch (error) {
    const reason = 'it took the connection and not the message';
    throw new AppError('UNAVAILABLE', { what: `The agent ${to}`, reason }, { cause: error });
  }
}

function peerKeys(node: DirectNode): Hex[] {
  return node.getPeers().flatMap(({ publicKey }) => (publicKey ? [hex(publicKey.raw)] : []));
}
