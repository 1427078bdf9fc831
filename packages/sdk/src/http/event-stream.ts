/** Server-sent events of an endpoint: one after the other, as they arrive. */
import { AppError } from '@aitbc/protocol';
import { errorOfAnswer } from './client.ts';
import { readText, type Transport } from './transport.ts';

/** One event. */
export interface StreamEvent {
  /** Its name, `message` when it has none. */
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** A stream to open. */
export interface EventRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Longest silence, ms; servers send a comment every 15 s. Default 45 s. */
  readonly silenceMs?: number | undefined;
}

const silenceMsDefault = 45_000;
const lineCharsMax = 1_048_576; // a letter has less than 100 000; this only stops floods
const errorBytesMax = 65_536;

/**
 * Events until the server ends the stream or the signal aborts. Throws what the server answers in place of a stream, and
 * UNAVAILABLE, TIMEOUT, CANCELLED, ANSWER_INVALID.
 */
export async function* readEvents(
  transport: Transport,
  { url, headers = {}, signal, silenceMs = silenceMsDefault }: EventRequest,
): AsyncGenerator<StreamEvent> {
  const what = new URL(url).origin;
  const answer = await transport.request({
    method: 'GET',
    url,
    headers: { accept: 'text/event-stream', ...headers },
    timeoutMs: silenceMs,
    signal,
  });
  if (answer.status >= 300) {
    const text = await readText(answer, what, errorBytesMax);
    throw errorOfAnswer(what, answer.status, text);
  }
  const events = createEventParser(what);
  const decoder = new TextDecoder();
  for await (const chunk of answer.body) yield* events(decoder.decode(chunk, { stream: true }));
}

/** Turns pieces of text into the events that they complete. */
function createEventParser(what: string): (text: string) => StreamEvent[] {
  let rest = '';
  let open = freshEvent();
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length + open.data.length > lineCharsMax) {
      throw new AppError('ANSWER_INVALID', { what, reason: 'an event of the stream has no end' });
    }
    const events: StreamEvent[] = [];
    for (const line of lines) {
      const isEnd = readLine(open, line);
      if (isEnd && open.data !== '') events.push(open);
      if (isEnd) open = freshEvent();
    }
    return events;
  };
}

interface OpenEvent {
  event: string;
  data: string;
  id: string | undefined;
}

function freshEvent(): OpenEvent {
  return { event: 'message', data: '', id: undefined };
}

/** True for the empty line that ends an event. */
function readLine(open: OpenEvent, line: string): boolean {
  const text = line.replace(/\r$/, '');
  const [, name = '', value = ''] = /^(\w+): ?(.*)$/s.exec(text) ?? [];
  if (name === 'event') open.event = value;
  else if (name === 'id') open.id = value;
  else if (name === 'data') open.data += open.data === '' ? value : `\n${value}`;
  return text === '';
}
