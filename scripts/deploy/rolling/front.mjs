/**
 * The one address in front of several daemons: a TCP proxy that sends every connection to the one in use, and goes
 * over to the next when that one cannot be reached. It stays with the new one (active and standby, no turns), because
 * a provider and its buyers must meet at the same coordinator.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Starts a front; `upstreams` are addresses of daemons. */
export async function startFront(upstreams) {
  const ports = upstreams.map((url) => Number(new URL(url).port));
  const state = { active: 0, moves: 0 };
  const open = new Set();
  const server = createServer((client) => {
    open.add(client);
    client.on('close', () => open.delete(client));
    client.on('error', () => client.destroy());
    join(client, ports.length);
  });
  const join = (client, triesLeft) => {
    const at = state.active;
    const upstream = connect(ports[at], '127.0.0.1');
    upstream.once('connect', () => {
      client.pipe(upstream).pipe(client);
      upstream.on('close', () => client.destroy());
      client.on('close', () => upstream.destroy());
    });
    upstream.on('error', () => {
      if (!upstream.connecting && upstream.bytesRead > 0) return client.destroy();
      if (client.destroyed || triesLeft <= 1) return client.destroy();
      if (state.active === at) {
        state.active = (at + 1) % ports.length;
        state.moves += 1;
      }
      join(client, triesLeft - 1);
    });
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    add: (url) => ports.push(Number(new URL(url).port)),
    moves: () => state.moves,
    async stop() {
      for (const client of open) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
