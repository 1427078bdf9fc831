import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { type Hex, refuse } from '@aitbc/protocol';
import type { TlsIdentity } from './certificate.ts';
import type { DialOutcome } from './dialer.ts';
import type { Greet } from './greeting.ts';
import type { MeshAddress, MeshBounds } from './types.ts';

/** Dials with one identity. */
export interface Dial {
  /** Dials an address once; resolves when that connection is over, never rejects. */
  (address: MeshAddress, onProven: (publicKey: Hex) => void): Promise<DialOutcome>;
  /** Cuts what is on its way, and after a while what is not closed yet; waits until all are. */
  stop(graceMs: number): Promise<void>;
}

/** What dialling uses. */
export interface DialDeps {
  readonly identity: TlsIdentity;
  readonly bounds: Pick<MeshBounds, 'handshakeMs' | 'silenceMs'>;
  readonly greet: Greet;
}

/** A way to dial. */
export function createDial({ identity, bounds, greet }: DialDeps): Dial {
  const secureContext = createSecureContext(identity);
  const onTheWay = new Set<TLSSocket>();
  const sockets = new Set<TLSSocket>();
  const dial = async (
    address: MeshAddress,
    onProven: (publicKey: Hex) => void,
  ): Promise<DialOutcome> => {
    const socket = open(address, secureContext);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    onTheWay.add(socket);
    const failure = await shakeHands(socket, bounds.handshakeMs);
    onTheWay.delete(socket);
    if (failure !== undefined) {
      socket.destroy();
      const what = `the node at ${address.host}:${address.port}`;
      return { fault: refuse('UNAVAILABLE', { what, reason: failure }), isSuccess: false };
    }
    return new Promise((resolve) =>
      greet({
        ...{ socket, direction: 'out', expectedKey: address.publicKey },
        ...{ onProven, onGreeted() {} },
        onOver: ({ openMs, fault }) => resolve({ fault, isSuccess: openMs >= bounds.silenceMs }),
      }),
    );
  };
  return Object.assign(dial, {
    async stop(graceMs: number) {
      for (const socket of onTheWay) socket.destroy();
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await Promise.all([...sockets].map(closeOf));
      clearTimeout(cut);
    },
  });
}

/** Resolves when a socket is closed, also when its other end broke it off. */
function closeOf(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

function open({ host, port }: MeshAddress, secureContext: SecureContext): TLSSocket {
  return connect({
    ...{ host, port, secureContext },
    rejectUnauthorized: false, // certificates are self-signed; the key in them is what is checked
    checkServerIdentity: () => undefined,
  }).setNoDelay(true);
}

/** Undefined when TLS is up, else why it is not. */
function shakeHands(socket: TLSSocket, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const settle = (failure: string | undefined): void => {
      clearTimeout(timer);
      socket.off('close', onClose);
      resolve(failure);
    };
    const onClose = (): void => settle('it hung up');
    const timer = setTimeout(() => settle('it does not answer'), timeoutMs);
    socket.on('close', onClose);
    socket.on('error', (error) => settle(error.message));
    socket.once('secureConnect', () => settle(undefined));
  });
}
