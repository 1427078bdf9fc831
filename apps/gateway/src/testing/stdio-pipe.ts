/** Both ends of a standard input and output within one process: lines of JSON, as between a host and its server. */
import { PassThrough } from 'node:stream';
import type { Transport } from '@modelcontextprotocol/client';

/** The server's streams, and a client's transport at their other ends. */
export interface StdioPipe {
  readonly stdin: PassThrough;
  readonly stdout: PassThrough;
  readonly clientEnd: Transport;
}

export function createStdioPipe(): StdioPipe {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const clientEnd: Transport = {
    async start() {
      let rest = '';
      stdout.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line) clientEnd.onmessage?.(JSON.parse(line));
      });
    },
    async send(message) {
      stdin.write(`${JSON.stringify(message)}\n`);
    },
    async close() {
      stdin.end();
      clientEnd.onclose?.();
    },
  };
  return { stdin, stdout, clientEnd };
}
