/**
 * A bought answer on its way to a client: one write for what one read of the provider brought. What the answer cost
 * is a trailer, for clients whose dialect says nothing of it.
 */
import type { ServerResponse } from 'node:http';
import { type AnswerWriter, asAppError, gatewayHeaders } from '@aitbc/protocol';
import { eventText, type RunningJob } from '@aitbc/sdk';

/** How an answer is written. */
export interface StreamForm {
  readonly writer: AnswerWriter;
  readonly headers: Readonly<Record<string, string>>;
}

/** Writes all of an answer, and the error that ended it early. */
export async function writeStream(
  raw: ServerResponse,
  job: RunningJob,
  { writer, headers }: StreamForm,
): Promise<void> {
  raw.writeHead(200, {
    ...headers,
    'content-type': writer.streamType,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    trailer: gatewayHeaders.cost,
  });
  let pending = writer.head();
  try {
    for await (const event of job.events) {
      const text = pending + eventText(writer, event, job);
      if (text === '') continue;
      pending = '';
      const isTaken = raw.write(text);
      if (event.type === 'end') {
        raw.addTrailers({ [gatewayHeaders.cost]: event.end.charged.toString() });
      }
      if (!isTaken) await drained(raw);
    }
  } catch (error) {
    raw.write(pending + writer.error(asAppError(error)));
  }
  raw.end();
}

function drained(raw: ServerResponse): Promise<void> {
  if (raw.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      raw.off('drain', done);
      raw.off('close', done);
      resolve();
    };
    raw.on('drain', done);
    raw.on('close', done);
  });
}
