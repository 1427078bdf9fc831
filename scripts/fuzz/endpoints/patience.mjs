/**
 * Callers that take their time: a byte now and then in the head, in the body, in a handshake; nothing at all; half a
 * WebSocket. Each must be cut within its bound, and while many of them hang on, an honest request is answered. They are
 * opened at the beginning of a run and looked at again when it ends.
 */
import { setMaxListeners } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Violation } from '../check.mjs';

const dripMs = 5_000;
const each = 20;
/** Head and body of a request have 120 s, and Node looks every 30 s; the mesh has its own, shorter bounds. */
export const cutMs = 160_000;

const head = (path) =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`;
const kinds = {
  'a slow head': { first: 'POST / HTTP/1.1\r\nhost: localhost\r\n', drip: 'x-a: b\r\n' },
  'a slow first line': { first: 'PO', drip: 'S' },
  'a slow body': { first: `${head('/')}content-length: 100000\r\n\r\n{`, drip: ' ' },
  'slow chunks': { first: `${head('/')}transfer-encoding: chunked\r\n\r\n`, drip: '1\r\n \r\n' },
};

/** Opens them at all daemons. `finish()` resolves with how long the slowest lived, or throws who was not cut. */
export function openPatient(urls, meshPort) {
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const lives = Object.entries(urls).flatMap(([daemon, url]) =>
    Object.entries(kinds).flatMap(([what, kind]) =>
      Array.from({ length: each }, () =>
        live(
          {
            name: `${daemon}: ${what}`,
            socket: connect(Number(new URL(url).port), '127.0.0.1'),
            ...kind,
          },
          ending,
        ),
      ),
    ),
  );
  const silent = { name: 'mesh: silence', first: '', drip: '' };
  const mesh = [
    ...Array.from({ length: each }, () =>
      live({ ...silent, socket: connect(meshPort, '127.0.0.1') }, ending),
    ),
    ...Array.from({ length: each }, () =>
      live(
        {
          ...{ ...silent, name: 'mesh: a greeting that never comes' },
          socket: connectTls({ port: meshPort, host: '127.0.0.1', rejectUnauthorized: false }),
        },
        ending,
      ),
    ),
  ];
  return {
    count: lives.length + mesh.length,
    async finish() {
      const late = setTimeout(() => ending.abort(), cutMs);
      const ended = await Promise.all([...lives, ...mesh]);
      clearTimeout(late);
      const held = ended.filter(({ isCut }) => !isCut).map(({ name }) => name);
      if (held.length > 0) {
        throw new Violation(`not cut within ${cutMs} ms: ${[...new Set(held)].join(', ')}`);
      }
      return Math.max(...ended.map(({ ms }) => ms));
    },
    /** For a run that ends early. */
    leave: () => ending.abort(),
  };
}

function live({ name, socket, first, drip }, { signal }) {
  const begunMs = performance.now();
  return new Promise((resolve) => {
    const timer = setInterval(() => socket.write(drip), dripMs);
    const end = (isCut) => {
      clearInterval(timer);
      socket.destroy();
      resolve({ name, isCut, ms: performance.now() - begunMs });
    };
    socket.on('error', () => {});
    socket.on('close', () => end(true));
    socket.on('end', () => end(true));
    socket.resume();
    if (first !== '') socket.write(first);
    if (signal.aborted) end(false);
    signal.addEventListener('abort', () => end(false), { once: true });
  });
}
