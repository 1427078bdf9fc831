/** Server-sent events: the data of each event, as it arrives. */
import { AppError } from '@aitbc/protocol';

const eventCharsMax = 1_048_576; // one chunk of an answer is some hundred bytes; this only stops floods

/** The `data:` of every event; comments and other fields are left out. Throws ANSWER_INVALID for floods. */
export async function* readSse(
  body: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > eventCharsMax) {
      throw new AppError('ANSWER_INVALID', { what, reason: 'an event of the stream has no end' });
    }
    for (const line of lines) {
      if (line.startsWith('data:')) yield line.slice('data:'.length).trim();
    }
  }
}
