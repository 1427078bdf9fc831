/** What is said on the socket to a coordinator, from its challenge to the last acknowledgement. */
import { hex, sign } from '@aitbc/primitives';
import {
  type CoordinatorFrame,
  type Hex,
  limits,
  loginBytes,
  type ProviderFrame,
  zCoordinatorFrame,
} from '@aitbc/protocol';
import { type Assignment, runAssignment } from './assignments.ts';
import type { LinkDeps, LinkOptions } from './coordinator-link.ts';

/** A coordinator that forgets to acknowledge must not flood itself after a reconnect. */
const resentResults = 1_000;

/** What a session tells the link. */
export interface SessionEvents {
  send(text: string): void;
  onWelcome(): void;
  /** The connection is of no use any more. */
  onFault(reason: string): void;
}

/** The frames of one link, over all its connections. */
export interface Session {
  receive(text: string): void;
  isWelcome(): boolean;
  tellOffers(): void;
  /** The connection is gone; running assignments go on. */
  close(): void;
}

export function createSession(
  options: LinkOptions,
  deps: LinkDeps,
  events: SessionEvents,
): Session {
  const { log, store } = deps;
  const state = { isWelcome: false };
  const working = new Set<Hex>();
  let beating: ReturnType<typeof setInterval> | undefined;

  const send = (frame: ProviderFrame): void => events.send(JSON.stringify(frame));
  const tellOffers = (): void => {
    const offers = deps.offers().slice(0, limits.offersPerProvider);
    if (state.isWelcome) send({ type: 'offers', offers: [...offers] });
  };
  const work = async (job: Assignment): Promise<void> => {
    if (working.has(job.jobId)) return;
    working.add(job.jobId);
    const onAccepted = (jobId: Hex) => {
      if (state.isWelcome) send({ type: 'jobAccepted', jobId });
    };
    const frame = await runAssignment(job, { ...deps, onAccepted });
    working.delete(job.jobId);
    const text = JSON.stringify(frame);
    store.saveResult(job.jobId, text, deps.nowMs());
    if (state.isWelcome) events.send(text);
  };
  const welcome = (heartbeatMs: number): void => {
    state.isWelcome = true;
    events.onWelcome();
    tellOffers();
    for (const text of store.results().slice(-resentResults)) events.send(text);
    const beat = () => send({ type: 'heartbeat', gauges: deps.gauges() });
    beat();
    beating = setInterval(beat, heartbeatMs);
  };
  const handle = (frame: CoordinatorFrame): void => {
    if (frame.type === 'challenge') send(helloOf(options, deps, frame.nonce));
    else if (frame.type === 'welcome') welcome(frame.heartbeatMs);
    else if (frame.type === 'refused') events.onFault(`refused: ${frame.error.code}`);
    else if (frame.type === 'jobAck') store.dropResult(frame.jobId);
    else work(frame).catch((error: unknown) => log.error({ err: error }, 'a result is lost'));
  };
  return {
    receive(text) {
      const frame = readFrame(text);
      if (frame) handle(frame);
      else events.onFault('it sent a frame that cannot be read');
    },
    isWelcome: () => state.isWelcome,
    tellOffers,
    close() {
      clearInterval(beating);
      state.isWelcome = false;
    },
  };
}

function readFrame(text: string): CoordinatorFrame | undefined {
  try {
    return zCoordinatorFrame.parse(JSON.parse(text));
  } catch {
    return undefined; // its caller drops the connection and says so
  }
}

function helloOf(options: LinkOptions, { signer, relay }: LinkDeps, nonce: Hex): ProviderFrame {
  const { network, provider, address, endpoint } = options;
  const signature = hex(sign(loginBytes(network, provider, nonce), signer.secretKey));
  const hello = { type: 'hello' as const, provider: address, endpoint, signature };
  return relay ? { ...hello, relay: true } : hello;
}
