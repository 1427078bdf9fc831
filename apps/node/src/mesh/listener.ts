/**
 * The door: TCP connections that become TLS connections with a certificate. Before it is known who knocks,
 * a connection costs little and lives shortly: at most `greeting` of them stand at the door, and one more
 * pushes the oldest out, so that somebody who opens many and says nothing cannot keep others out for long.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { AppError } from '@aitbc/protocol';
import type { TlsIdentity } from './certificate.ts';

/** Options of `createListener`. */
export interface ListenerOptions {
  readonly identity: TlsIdentity;
  readonly host: string;
  readonly port: number;
  readonly handshakeMs: number;
  readonly greeting: number;
}

/** What a listener tells. */
export interface ListenerHandlers {
  /** TLS is up; call `enter` when the connection has left the door. */
  onSocket(socket: TLSSocket, enter: () => void): void;
  /** A connection that never came so far. */
  onFailure(): void;
}

/** A listening port. */
export interface Listener {
  /** Port that it got. Throws AppError PORT_IN_USE, CONFIG_INVALID. */
  start(): Promise<number>;
  /** Takes no more connections and waits until those it took are closed; cuts them after a while. */
  stop(graceMs: number): Promise<void>;
}

/** A closed door. */
export function createListener(options: ListenerOptions, handlers: ListenerHandlers): Listener {
  const sockets = new Set<Socket>();
  const atDoor = new Map<string, Socket>();
  const server = createServer({
    ...options.identity,
    requestCert: true,
    rejectUnauthorized: false, // certificates are self-signed; the key in them is what is checked
    handshakeTimeout: options.handshakeMs,
    noDelay: true,
  });
  server.on('connection', (socket: Socket) => {
    const place = placeOf(socket);
    sockets.add(socket);
    atDoor.set(place, socket);
    socket.once('close', () => {
      sockets.delete(socket);
      if (atDoor.get(place) === socket) atDoor.delete(place);
    });
    if (atDoor.size > options.greeting) [...atDoor.values()][0]?.destroy();
  });
  server.on('tlsClientError', (_error, socket) => {
    handlers.onFailure();
    socket.destroy();
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    const place = placeOf(socket);
    handlers.onSocket(socket, () => atDoor.delete(place));
  });
  return {
    start: () => listen(server, options),
    async stop(graceMs) {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      for (const socket of atDoor.values()) socket.destroy();
      await closed;
      clearTimeout(cut);
    },
  };
}

function placeOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}

async function listen(server: Server, { host, port }: ListenerOptions): Promise<number> {
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      const setting = 'AITBC_NODE_MESH_PORT';
      throw new AppError('PORT_IN_USE', { port, setting }, { cause: error });
    }
    const reason = `the mesh cannot listen on ${host}:${port} (${(error as Error).message})`;
    throw new AppError('CONFIG_INVALID', { reason }, { cause: error });
  }
  const address = server.address();
  return typeof address === 'object' && address ? address.port : port;
}
