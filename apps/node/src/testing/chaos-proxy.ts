/**
 * A TCP proxy that stands between two nodes and makes their line bad: slow, narrow, silent, broken. Bytes
 * are never changed or lost inside a connection, since TCP would not do that either: a silent line holds
 * them until it is whole again or its ends give up.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** State of a line. */
export interface LineFaults {
  /** Added to each chunk of bytes, ms, one way. */
  readonly delayMs: number;
  /** At most so much more, by chance. */
  readonly jitterMs: number;
  /** Each way; 0 for no bound. */
  readonly bytesPerSecond: number;
  /** Which way says nothing; both ends still look connected. */
  readonly silent: 'none' | 'toTarget' | 'fromTarget' | 'both';
  /** New connections end at once. */
  readonly closed: boolean;
}

/** A running proxy. */
export interface ChaosProxy {
  /** Port that it listens on. */
  readonly port: number;
  /** Changes the line from now on. */
  set(faults: Partial<LineFaults>): void;
  /** Breaks all connections. */
  cut(): void;
  /** Open connections. */
  size(): number;
  stop(): Promise<void>;
}

const goodLine: LineFaults = Object.freeze({
  ...{ delayMs: 0, jitterMs: 0, bytesPerSecond: 0 },
  ...{ silent: 'none', closed: false },
});
const heldBytesMax = 1_048_576; // in the proxy, each way; then the sender feels it

/** Starts a proxy in front of a port of this machine. `random` gives the jitter, 0 to 1. */
export async function startChaosProxy(
  target: { readonly host: string; readonly port: number },
  random: () => number = Math.random,
): Promise<ChaosProxy> {
  const pipes = new Set<Pipe>();
  const sockets = new Set<Socket>();
  let faults = goodLine;
  const join = (from: Socket, to: Socket, way: 'toTarget' | 'fromTarget'): void => {
    const pipe = createPipe({ from, to, random, faults: () => faults, way });
    pipes.add(pipe);
    sockets.add(from);
    from.on('error', () => from.destroy());
    from.on('close', (hadError: boolean) => {
      sockets.delete(from);
      if (hadError) to.destroy();
      else pipe.finish();
    });
    to.on('close', () => pipes.delete(pipe));
  };
  const server = createServer({ noDelay: true }, (source) => {
    if (faults.closed) return void source.destroy();
    const socket = connect({ ...target, noDelay: true });
    join(source, socket, 'toTarget');
    join(socket, source, 'fromTarget');
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    set(changes) {
      faults = { ...faults, ...changes };
      for (const pipe of pipes) pipe.look();
    },
    cut,
    size: () => sockets.size / 2,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}

interface Pipe {
  /** The faults have changed. */
  look(): void;
  /** The sender has ended: so does the line, when all is through. */
  finish(): void;
}

interface PipeOptions {
  readonly from: Socket;
  readonly to: Socket;
  readonly way: 'toTarget' | 'fromTarget';
  readonly random: () => number;
  faults(): LineFaults;
}

/** One way of one connection. */
function createPipe({ from, to, way, random, faults }: PipeOptions): Pipe {
  const held: { readonly chunk: Buffer; readonly dueMs: number }[] = [];
  let heldBytes = 0;
  let freeMs = 0; // when the line has sent all before
  let isFinished = false;
  let timer: NodeJS.Timeout | undefined;
  const isSilent = (): boolean => faults().silent === 'both' || faults().silent === way;
  const look = (): void => {
    clearTimeout(timer);
    while (held[0] && !isSilent() && held[0].dueMs <= performance.now()) {
      const { chunk } = held.shift() as (typeof held)[0];
      heldBytes -= chunk.length;
      to.write(chunk);
    }
    if (heldBytes > heldBytesMax || isSilent() || to.writableNeedDrain) from.pause();
    else from.resume();
    if (isFinished && !held[0]) to.end();
    if (held[0] && !isSilent()) timer = setTimeout(look, held[0].dueMs - performance.now());
  };
  from.on('data', (chunk: Buffer) => {
    const { delayMs, jitterMs, bytesPerSecond } = faults();
    const startMs = Math.max(freeMs, performance.now());
    freeMs = startMs + (bytesPerSecond === 0 ? 0 : (chunk.length / bytesPerSecond) * 1_000);
    const beforeMs = held.at(-1)?.dueMs ?? 0;
    const dueMs = Math.max(freeMs + delayMs + random() * jitterMs, beforeMs);
    held.push({ chunk, dueMs });
    heldBytes += chunk.length;
    look();
  });
  to.on('drain', look);
  to.on('close', () => clearTimeout(timer));
  return {
    look,
    finish() {
      isFinished = true;
      look();
    },
  };
}
