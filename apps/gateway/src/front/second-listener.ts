/** The same calls at a second port, such as the one where Ollama's clients look by themselves. */
import { createServer } from 'node:http';
import { AppError } from '@aitbc/protocol';
import type { ListenOptions } from '@aitbc/service';
import type { FastifyInstance } from 'fastify';

const closeGraceMs = 2_000;

/** A listener that may never be started. */
export interface SecondListener {
  /** Base URL. Throws PORT_IN_USE. */
  start(where: ListenOptions): Promise<string>;
  stop(): Promise<void>;
}

/** A listener for the routes of `app`. */
export function createSecondListener(app: FastifyInstance): SecondListener {
  const server = createServer((request, response) => app.routing(request, response));
  return {
    async start({ host, port }) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', (error: NodeJS.ErrnoException) => {
          const setting = '--ollama-port';
          const isTaken = error.code === 'EADDRINUSE';
          const reason = `cannot listen on ${host} port ${port}: ${error.message}`;
          const known = isTaken
            ? new AppError('PORT_IN_USE', { port, setting }, { cause: error })
            : new AppError('CONFIG_INVALID', { reason }, { cause: error });
          reject(known);
        });
        server.listen({ host, port }, resolve);
      });
      const address = server.address();
      const bound = typeof address === 'object' && address ? address.port : port;
      return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
    },
    async stop() {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), closeGraceMs);
      await closed;
      clearTimeout(cut);
    },
  };
}
