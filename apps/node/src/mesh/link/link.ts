/**
 * One connection to a node whose key TLS has proven.
 *
 *   greeting   only a hello or a bye may come in; `open` or `end` ends it
 *   open       messages both ways, pings
 *   ended      nothing more is read or told; the socket closes by itself, or is cut
 *
 * A slow reader fills its own queue and nothing else, and a fast sender is slowed down by TCP; see
 * writer.ts and reader.ts.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import {
  decodeMeshMessage,
  type Hex,
  limits,
  type MeshMessage,
  type Refusal,
  refuse,
} from '@aitbc/protocol';
import type { MeshBounds } from '../types.ts';
import {
  decodeBye,
  decodeHello,
  encodeBye,
  encodeFrame,
  type Frame,
  type FrameKind,
  type Hello,
  smallFrameBytes,
} from './frames.ts';
import { createPulse } from './pulse.ts';
import { createLinkReader } from './reader.ts';
import type { Rank } from './send-queue.ts';
import { createLinkWriter } from './writer.ts';

const lastWordMs = 500; // for our bye to get out
const pingBytes = 8;
const answerLookMs = 5;

/** What happens on a connection; `onEnd` comes once and last. */
export interface LinkHandlers {
  onHello(hello: Hello): void;
  onMessage(message: MeshMessage): void;
  onEnd(fault: Refusal): void;
}

/** Numbers of a connection. */
export interface LinkNumbers {
  readonly rttMs: number | undefined;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly queuedBytes: number;
  readonly dropped: Readonly<Record<Rank, number>>;
}

/** A connection to one node. */
export interface Link {
  readonly publicKey: Hex;
  readonly direction: 'in' | 'out';
  /** Host and port of the other end. */
  readonly remote: string;
  /** Sends a frame of the greeting. */
  greet(frame: Uint8Array): void;
  /** The greeting is over; no more than that is read. */
  open(bytesPerSecond: number): void;
  /** Queues a message frame. A vote that does not fit ends the connection with MESH_SLOW. */
  send(frame: Uint8Array, rank: Rank): boolean;
  /** Looks for silence and sends a ping; called every `pingMs`. */
  beat(): void;
  /** Whether the other side answers a ping in time; false for a connection that has ended. */
  answersPing(timeoutMs: number): Promise<boolean>;
  /** Ends the connection; the last frames still go out when the socket takes them soon. */
  end(fault: Refusal, last?: Uint8Array): void;
  numbers(): LinkNumbers;
}

/** What a connection is made of. */
export interface LinkOptions {
  readonly socket: TLSSocket;
  readonly publicKey: Hex;
  readonly direction: 'in' | 'out';
  readonly bounds: MeshBounds;
}

/** A connection in its greeting. */
export function createLink(options: LinkOptions, handlers: LinkHandlers): Link {
  const line = createLine(options, handlers);
  const { writer, reader, pulse } = line;
  const { publicKey, direction } = options;
  let messagesOut = 0;
  return {
    ...{ publicKey, direction, remote: line.remote, end: line.end },
    greet: (frame) => void line.push(frame, 'votes'),
    open(bytesPerSecond) {
      line.open();
      reader.limit(bytesPerSecond);
    },
    send(frame, rank) {
      if (line.state() !== 'open' || !line.push(frame, rank)) return false;
      messagesOut += 1;
      return true;
    },
    beat() {
      const finding = pulse.beat(reader.heardMs(), writer.blockedSinceMs());
      if (finding === 'silent') line.endSilent();
      else if (finding === 'slow') line.endSlow();
      else line.push(encodeFrame('ping', pulse.ping()), 'votes');
    },
    async answersPing(timeoutMs) {
      const untilMs = performance.now() + timeoutMs;
      line.push(encodeFrame('ping', pulse.ping()), 'votes');
      const isAnswered = pulse.lookForAnswer();
      while (line.state() === 'open' && performance.now() < untilMs) {
        if (isAnswered()) return true;
        await sleep(answerLookMs);
      }
      return false;
    },
    numbers: () => ({
      rttMs: pulse.rttMs(),
      ...{ messagesIn: line.messagesIn(), messagesOut },
      ...{ bytesIn: reader.bytes(), bytesOut: writer.bytes() },
      ...{ queuedBytes: writer.queue.sizeBytes(), dropped: writer.queue.dropped() },
    }),
  };
}

type HalfLine = Omit<ReturnType<typeof createLine>, 'reader'>;

/** State and halves of a connection. */
function createLine({ socket, publicKey, bounds }: LinkOptions, handlers: LinkHandlers) {
  const remote = `${socket.remoteAddress}:${socket.remotePort}`;
  const what = `the node ${publicKey}`;
  const pulse = createPulse(bounds);
  const writer = createLinkWriter(socket, bounds.queueBytes);
  let state: 'greeting' | 'open' | 'ended' = 'greeting';
  let messagesIn = 0;
  const end = (fault: Refusal, last?: Uint8Array): void => {
    if (state === 'ended') return;
    state = 'ended';
    reader.stop();
    const isClean = writer.stop();
    if (last && isClean) sayLast(socket, last);
    else socket.destroy();
    handlers.onEnd(fault);
  };
  const endSlow = (): void => {
    const sizeBytes = writer.queue.sizeBytes();
    end(refuse('MESH_SLOW', { peer: publicKey, sizeBytes }), encodeBye('slow'));
  };
  const line = {
    ...{ remote, pulse, writer, end, endSlow },
    state: () => state,
    open() {
      if (state === 'greeting') state = 'open';
    },
    push(frame: Uint8Array, rank: Rank): boolean {
      if (writer.push(frame, rank)) return true;
      if (rank === 'votes') endSlow();
      return false;
    },
    endSilent: () =>
      end(refuse('TIMEOUT', { what, timeoutMs: bounds.silenceMs }), encodeBye('silent')),
    messagesIn: () => messagesIn,
    tell(message: MeshMessage) {
      messagesIn += 1;
      handlers.onMessage(message);
    },
  };
  const reader = createLinkReader(socket, {
    maxBytes: () => (state === 'open' ? limits.meshFrameBytes : smallFrameBytes),
    isOver: () => state === 'ended',
    onFrame: createTakers(line, handlers),
    onFault: (fault) => end(fault, encodeBye('malformed')),
  });
  socket.on('error', (error) => end(refuse('UNAVAILABLE', { what, reason: error.message })));
  socket.on('close', () => end(refuse('UNAVAILABLE', { what, reason: 'it hung up' })));
  return { ...line, reader };
}

/** What a frame of one kind does, and where it may come. */
interface Taker {
  /** Any state when left out. */
  readonly state?: 'greeting' | 'open';
  readonly sizeBytes?: number;
  act(content: Uint8Array): void;
}

/** What frames do; one that is out of place ends the connection. */
function createTakers(line: HalfLine, handlers: LinkHandlers): (frame: Frame) => void {
  const endMalformed = (fault: Refusal): void => line.end(fault, encodeBye('malformed'));
  const takers: Readonly<Record<FrameKind, Taker>> = {
    bye: {
      act(content) {
        const word = decodeBye(content);
        const address = line.remote;
        if (word === 'keyInUse') return line.end(refuse('KEY_IN_USE', { address }));
        line.end(refuse('MESH_REFUSED', { address, reason: `its last word was "${word}"` }));
      },
    },
    hello: {
      state: 'greeting',
      act(content) {
        const hello = decodeHello(content);
        if (hello.ok) handlers.onHello(hello.value);
        else endMalformed(hello);
      },
    },
    message: {
      state: 'open',
      act(content) {
        const message = decodeMeshMessage(content);
        if (message.ok) line.tell(message.value);
        else endMalformed(message);
      },
    },
    ping: {
      state: 'open',
      sizeBytes: pingBytes,
      act: (content) => void line.push(encodeFrame('pong', content), 'votes'),
    },
    pong: { state: 'open', sizeBytes: pingBytes, act: (content) => line.pulse.onPong(content) },
  };
  return ({ kind, content }) => {
    const { state = line.state(), sizeBytes = content.length, act } = takers[kind];
    if (state === line.state() && sizeBytes === content.length) act(content);
    else endMalformed(refuse('MESH_MALFORMED', { reason: `a ${kind} out of place` }));
  };
}

/** The last bytes of a connection, then its end, whether they got out or not. */
function sayLast(socket: TLSSocket, last: Uint8Array): void {
  const cut = setTimeout(() => socket.destroy(), lastWordMs);
  socket.once('close', () => clearTimeout(cut));
  socket.end(last);
}
