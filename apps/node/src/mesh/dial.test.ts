import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { expect, it } from 'vitest';
import { actor } from '../testing/test-node.ts';
import { tlsIdentityOf } from './certificate.ts';
import { createDial } from './dial.ts';

it('stops without a word when a connection fails meanwhile', async () => {
  const server = createServer({
    ...tlsIdentityOf(actor(2).keys),
    ...{ requestCert: true, rejectUnauthorized: false },
  });
  server.on('secureConnection', (socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let greeted: (socket: TLSSocket) => void = () => {};
  const greeting = new Promise<TLSSocket>((resolve) => {
    greeted = resolve;
  });
  const dial = createDial({
    ...{ identity: tlsIdentityOf(actor(1).keys), greet: ({ socket }) => greeted(socket) },
    bounds: { handshakeMs: 5_000, silenceMs: 5_000 },
  });
  void dial({ host: '127.0.0.1', port }, () => {});
  const socket = await greeting;
  const stopping = dial.stop(5_000);
  socket.destroy(new Error('read ECONNRESET'));
  await expect(stopping).resolves.toBe(undefined);
  server.close();
});
