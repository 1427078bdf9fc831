/**
 * The one WebSocket to a coordinator; it mends itself.
 *
 *   OFF ─start→ CONNECTING ─challenge, hello, welcome→ CONNECTED ─lost, refused→ WAITING ─back-off→ CONNECTING
 *
 * CONNECTING holds a socket and a time-out. CONNECTED sends heartbeats, tells new offers, runs assignments.
 * Results are stored until the coordinator has acknowledged them and sent again after every reconnect,
 * so a result is not lost when either side dies. The back-off begins anew after a welcome.
 *
 * Relayed calls (relay/) live as long as the connection they came over.
 *
 * Limits: assignments run at once are bounded by the provider's own queue.
 */
import {
  AppError,
  asAppError,
  type DocumentSigner,
  type Hex,
  type Network,
  providerSocketPath,
  type SignedOffer,
} from '@aitbc/protocol';
import type { OpenSocket, Socket } from '@aitbc/sdk';
import type { Log } from '@aitbc/service';
import type { RelayEnd } from '../relay/relay-end.ts';
import type { ProviderStore } from '../store.ts';
import type { AssignmentDeps } from './assignments.ts';
import { createSession } from './session.ts';

const backOffMsFirst = 250;
const backOffMsMax = 10_000;
const loginMs = 10_000;

export interface LinkOptions {
  /** Base URL of the coordinator, http or https. */
  readonly url: string;
  readonly network: Network;
  /** Account id of this provider. */
  readonly provider: Hex;
  readonly address: string;
  readonly endpoint: string;
}

export interface LinkDeps extends Pick<AssignmentDeps, 'desk' | 'nowMs'> {
  readonly signer: DocumentSigner;
  readonly openSocket: OpenSocket;
  readonly offers: () => readonly SignedOffer[];
  readonly gauges: () => { running: number; waiting: number; slots: number };
  readonly store: Pick<ProviderStore, 'results' | 'saveResult' | 'dropResult'>;
  /** Serves calls that the coordinator relays; without it there are none. */
  readonly relay?: RelayEnd | undefined;
  readonly log: Log;
}

/** State of the link as status pages show it. */
export type LinkState = 'connected' | 'connecting' | 'off';

/** The link. */
export interface CoordinatorLink {
  start(): void;
  stop(): void;
  state(): LinkState;
  /** Offers have changed. */
  tellOffers(): void;
}

type Timer = ReturnType<typeof setTimeout>;

export function createCoordinatorLink(options: LinkOptions, deps: LinkDeps): CoordinatorLink {
  const { log, relay } = deps;
  const url = options.url.replace(/\/$/, '').replace(/^http/, 'ws') + providerSocketPath;
  const state = { isWanted: false, failures: 0 };
  let timer: Timer | undefined;
  let socket: Socket | undefined;

  const session = createSession(options, deps, {
    send: (text) => socket?.send(text),
    onWelcome() {
      clearTimeout(timer);
      const opened = socket;
      if (opened) relay?.connected((frame) => opened.send(frame));
      state.failures = 0;
      log.info({ url: options.url }, 'coordinator connected');
    },
    onFault: (reason) => retry(reason),
  });
  const drop = (): void => {
    clearTimeout(timer);
    session.close();
    relay?.closed();
    const old = socket;
    socket = undefined;
    old?.close();
  };
  const retry = (reason: string): void => {
    drop();
    if (!state.isWanted) return;
    const waitMs = Math.min(backOffMsMax, backOffMsFirst * 2 ** state.failures);
    if (state.failures === 0) log.warn({ reason, waitMs }, 'coordinator lost');
    state.failures += 1;
    timer = setTimeout(connect, waitMs);
  };
  const receiveBytes = (frame: Uint8Array): void => {
    try {
      relay?.receive(frame);
    } catch (error) {
      retry(asAppError(error).message);
    }
  };
  const connect = (): void => {
    const opened: Socket = deps.openSocket(url, {
      onOpen() {},
      onMessage: (text) => (socket === opened ? session.receive(text) : undefined),
      onBytes: (frame) => (socket === opened ? receiveBytes(frame) : undefined),
      onClose: (reason) => (socket === opened ? retry(reason) : undefined),
    });
    socket = opened;
    timer = setTimeout(() => retry('it sent no welcome'), loginMs);
  };
  return {
    start() {
      if (state.isWanted) return;
      state.isWanted = true;
      connect();
    },
    stop() {
      state.isWanted = false;
      drop();
      relay?.stop();
    },
    state: () => (session.isWelcome() ? 'connected' : 'connecting'),
    tellOffers: session.tellOffers,
  };
}

/** The link of a provider that has no coordinator. */
export function createNoLink(): CoordinatorLink {
  return { start() {}, stop() {}, state: () => 'off', tellOffers() {} };
}

/** Base URL of a coordinator, or undefined for none. Throws CONFIG_INVALID. */
export function coordinatorUrlOf(text: string): string | undefined {
  if (text === '') return undefined;
  if (/^https?:\/\/[^\s]+$/.test(text)) return text;
  throw new AppError('CONFIG_INVALID', { reason: `coordinatorUrl ${text} is no http(s) URL` });
}
