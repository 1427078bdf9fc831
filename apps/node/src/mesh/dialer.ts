/**
 * Keeps a connection to one node.
 *
 *   waiting   the peer is connected, whoever dialled; until it goes down
 *   dialling  a connection of ours is on its way or open; until it ends
 *   resting   after an end or a failure; the rest doubles with each failure up to a bound, and is spread
 *             by chance so that two nodes that lost each other, or many that lost one, do not collide
 */
import type { Hex, Refusal } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { MeshAddress, MeshTarget } from './types.ts';

/** How a connection of ours went. */
export interface DialOutcome {
  readonly fault: Refusal;
  /** It was open at least for a while. */
  readonly isSuccess: boolean;
}

/** Options of `createDialer`. */
export interface DialerOptions {
  readonly address: MeshAddress;
  /** Our own key: an address where we reach ourselves is not dialled again. */
  readonly self: Hex;
  readonly redialMsMin: number;
  readonly redialMsMax: number;
}

/** What a dialer uses. */
export interface DialerDeps {
  /** Dials; tells the key that the other side has proven, resolves when that connection is over. */
  dial(address: MeshAddress, onProven: (publicKey: Hex) => void): Promise<DialOutcome>;
  isUp(publicKey: Hex): boolean;
  random(): number;
  readonly log: Log;
}

/** A node that we keep a connection to. */
export interface Dialer {
  start(): void;
  /** Some peer is gone: look whether it was this one. */
  wake(): void;
  stop(): void;
  about(): MeshTarget;
}

/** A dialer that does nothing until `start`. */
export function createDialer(options: DialerOptions, deps: DialerDeps): Dialer {
  const { address, self, redialMsMin, redialMsMax } = options;
  const name = `${address.host}:${address.port}`;
  let { publicKey } = address;
  let isSelf = false;
  let fault: Refusal | undefined;
  let failedTries = 0;
  let state: 'resting' | 'dialling' | 'stopped' = 'stopped';
  let resting: NodeJS.Timeout | undefined;
  const isConnected = (): boolean => publicKey !== undefined && deps.isUp(publicKey);
  const rest = (): void => {
    const delayMs = Math.min(redialMsMin * 2 ** failedTries, redialMsMax);
    resting ??= setTimeout(look, delayMs * (0.5 + deps.random()));
  };
  const stop = (): void => {
    state = 'stopped';
    clearTimeout(resting);
    resting = undefined;
  };
  const onOver = (outcome: DialOutcome): void => {
    const { code, facts } = outcome.fault;
    if (code !== fault?.code) deps.log.info({ address: name, code, facts }, 'mesh: no connection');
    fault = outcome.fault;
    failedTries = outcome.isSuccess ? 0 : failedTries + 1;
    if (state === 'stopped') return;
    state = 'resting';
    if (isSelf) stop();
    else rest();
  };
  const look = (): void => {
    resting = undefined;
    if (state !== 'resting' || isConnected()) return;
    state = 'dialling';
    const onProven = (proven: Hex): void => {
      isSelf = proven === self;
      publicKey = address.publicKey ?? proven;
    };
    void deps.dial(address, onProven).then(onOver);
  };
  return {
    start() {
      state = 'resting';
      look();
    },
    wake() {
      if (state === 'resting' && !isConnected()) rest();
    },
    stop,
    about: () => ({
      ...{ address: name, publicKey, isConnected: isConnected(), failedTries },
      fault: fault && { code: fault.code, facts: fault.facts },
    }),
  };
}
