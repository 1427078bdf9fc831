/**
 * A bought answer on its way to a client: one write for what one turn of the event loop brought. What the answer cost
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
    'content-type': writer.streamType,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    trailer: gatewayHeaders.cost,
    ...headers,
  });
  const out = createTurnWriter(raw);
  out.push(writer.head());
  try {
    for await (const event of job.events) {
      out.push(eventText(writer, event, job));
      if (event.type === 'end') {
        raw.addTrailers({ [gatewayHeaders.cost]: event.end.charged.toString() });
      }
      if (raw.writableNeedDrain) await drained(raw);
    }
  } catch (error) {
    out.push(writer.error(asAppError(error)));
  }
  out.flush();
  raw.end();
}

/** Writes at the end of a turn what was pushed in it. */
function createTurnWriter(raw: ServerResponse): { push(text: string): void; flush(): void } {
  let waiting = '';
  let isDue = false;
  const flush = (): void => {
    isDue = false;
    if (waiting !== '') raw.write(waiting);
    waiting = '';
  };
  return {
    push(text) {
      waiting += text;
      if (isDue || text === '') return;
      isDue = true;
      setImmediate(flush);
    },
    flush,
  };
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
