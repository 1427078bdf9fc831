/**
 * A WebSocket client of the few frames that tests need: whole text frames both ways, ping, close. It is not
 * the library that the server uses, so a test is a second opinion on the wire.
 */
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Duplex } from 'node:stream';

const opcodes = { text: 1, bytes: 2, close: 8, ping: 9, pong: 10 } as const;

/** What happens on a connection. */
export interface WireEvents {
  onText(text: string): void;
  onClose(): void;
}

/** An open connection. */
export interface Wire {
  send(text: string): void;
  sendBytes(bytes: Uint8Array): void;
  /** Stops and goes on reading. */
  pause(): void;
  resume(): void;
  /** Cuts the connection. */
  cut(): void;
}

/** Connects to an `http://` address. A refusal is an error with its HTTP status. */
export function openWire(
  url: string,
  events: WireEvents,
  moreHeaders: Readonly<Record<string, string>> = {},
): Promise<Wire> {
  const headers = {
    ...moreHeaders,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
  };
  return new Promise((resolve, reject) => {
    const asking = request(url, { headers });
    asking.once('error', reject);
    asking.once('response', ({ statusCode }) => reject(new Error(`HTTP ${statusCode}`)));
    asking.once('upgrade', (_response, socket, head) => {
      resolve(createWire(socket, head, events));
    });
    asking.end();
  });
}

function createWire(socket: Duplex, head: Buffer, events: WireEvents): Wire {
  let left = head;
  const take = (chunk: Buffer): void => {
    left = Buffer.concat([left, chunk]);
    for (let frame = frameOf(left); frame; frame = frameOf(left)) {
      left = left.subarray(frame.sizeBytes);
      if (frame.opcode === opcodes.text) events.onText(frame.payload.toString());
      if (frame.opcode === opcodes.ping) socket.write(encodeFrame(opcodes.pong, frame.payload));
      if (frame.opcode === opcodes.close) socket.end(encodeFrame(opcodes.close, frame.payload));
    }
  };
  socket.on('data', take);
  socket.on('error', () => {}); // a cut connection ends in 'close' too
  socket.on('close', events.onClose);
  return {
    send: (text) => void socket.write(encodeFrame(opcodes.text, Buffer.from(text))),
    sendBytes: (bytes) => void socket.write(encodeFrame(opcodes.bytes, Buffer.from(bytes))),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    cut: () => void socket.destroy(),
  };
}

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly sizeBytes: number;
}

/** The first frame of the bytes, or undefined while it is not whole. Servers do not mask. */
function frameOf(bytes: Buffer): Frame | undefined {
  const short = (bytes[1] ?? 0) & 0x7f;
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  const start = 2 + lengthBytes;
  if (bytes.length < start) return undefined;
  const size =
    lengthBytes === 0
      ? short
      : bytes.readUIntBE(2 + Math.max(0, lengthBytes - 6), Math.min(lengthBytes, 6));
  if (bytes.length < start + size) return undefined;
  const payload = bytes.subarray(start, start + size);
  return { opcode: (bytes[0] as number) & 0x0f, payload, sizeBytes: start + size };
}

function encodeFrame(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const isLong = payload.length > 125;
  const head = Buffer.alloc(isLong ? 10 : 2);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (isLong ? 127 : payload.length);
  if (isLong) head.writeBigUInt64BE(BigInt(payload.length), 2);
  const masked = Buffer.from(payload.map((byte, at) => byte ^ (mask[at % 4] as number)));
  return Buffer.concat([head, mask, masked]);
}
