/**
 * `/aitbc/message/1`: one stream per attempt. The dialler writes one frame (u32 length, envelope); the other side
 * writes one frame back, its acknowledgement, as soon as it has taken the message, or closes without one.
 * What the frames hold is checked above like everything else.
 */
import type { Connection, Stream } from '@libp2p/interface';
import type { CarrierSink } from '../carrier.ts';
import { envelopeBytesMax } from '../core/envelope.ts';
import type { DirectNode } from './node.ts';

export const messageProtocol = '/aitbc/message/1';
export const streamOptions = Object.freeze({
  maxInboundStreams: 32,
  maxOutboundStreams: 32,
  runOnLimitedConnection: true, // over a relay as well
});
const frameHeadBytes = 4;
const inboundTimeoutMs = 5_000;

/** Answers the protocol until the node stops. */
export async function answerMessages(node: DirectNode, sink: CarrierSink): Promise<void> {
  await node.handle(
    messageProtocol,
    (stream) => answerOne(stream, sink).catch(() => stream.abort(new Error('no message came'))),
    streamOptions,
  );
}

async function answerOne(stream: Stream, sink: CarrierSink): Promise<void> {
  const envelope = await readFrame(stream, AbortSignal.timeout(inboundTimeoutMs));
  let ack: Uint8Array | undefined;
  sink.onInbox(envelope, (bytes) => {
    ack = bytes;
  });
  if (ack) await writeFrame(stream, ack, AbortSignal.timeout(inboundTimeoutMs));
  await stream.close({ signal: AbortSignal.timeout(inboundTimeoutMs) });
}

/** Sends one envelope over the connection and gives the answer to the sink. Throws when none comes. */
export async function sendMessage(
  connection: Connection,
  envelope: Uint8Array,
  { sink, signal }: { sink: CarrierSink; signal: AbortSignal },
): Promise<void> {
  const stream = await connection.newStream(messageProtocol, { ...streamOptions, signal });
  try {
    await writeFrame(stream, envelope, signal);
    const ack = await readFrame(stream, signal);
    sink.onInbox(ack);
    await stream.close({ signal });
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error('the stream failed'));
    throw error;
  }
}

async function writeFrame(stream: Stream, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const frame = new Uint8Array(frameHeadBytes + bytes.length);
  new DataView(frame.buffer).setUint32(0, bytes.length);
  frame.set(bytes, frameHeadBytes);
  if (!stream.send(frame)) await stream.onDrain({ signal });
}

/** The bytes of one frame. Throws when the stream ends before it, at the signal, and for a frame too large. */
async function readFrame(stream: Stream, signal: AbortSignal): Promise<Uint8Array> {
  const onAbort = () => stream.abort(new Error('no frame came in time'));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    let have = new Uint8Array(0);
    for await (const chunk of stream) {
      const more = chunk.subarray();
      const joined = new Uint8Array(have.length + more.length);
      joined.set(have);
      joined.set(more, have.length);
      have = joined;
      const whole = wholeFrame(have);
      if (whole) return whole;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  throw new Error('the stream ended without a frame');
}

function wholeFrame(have: Uint8Array): Uint8Array | undefined {
  if (have.length < frameHeadBytes) return undefined;
  const sizeBytes = new DataView(have.buffer, have.byteOffset).getUint32(0);
  if (sizeBytes > envelopeBytesMax) throw new Error('a frame above its limit');
  if (have.length < frameHeadBytes + sizeBytes) return undefined;
  return have.slice(frameHeadBytes, frameHeadBytes + sizeBytes);
}
