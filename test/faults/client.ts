/** A client of the gateway that judges what it gets, as somebody would who knows the right answer. */
import { modelName } from '@aitbc/provider/testing';
import type { Till } from './market.ts';
import { answerText } from './shop.ts';

/**
 * pass: the same answer as undisturbed, ended well. partial: an honest error or a broken connection after some of
 * it. safe: an honest error before any of it. fail: anything else; above all a short answer that ends as a whole one.
 */
export type Judgement = 'pass' | 'partial' | 'safe' | 'fail';

/** What came. */
export interface Seen {
  readonly judgement: Judgement;
  readonly text: string;
  /** What the error said, or how the connection ended. */
  readonly said: string;
}

/** How to ask. */
export interface Asking {
  readonly isStream: boolean;
  readonly key?: string;
  readonly signal?: AbortSignal;
  /** Called with the text so far. */
  readonly onText?: (text: string) => void;
}

/** Asks once. */
export async function ask(till: Till, asking: Asking): Promise<Seen> {
  const { isStream, key = 'card', signal, onText = () => {} } = asking;
  const signals = [till.gone(), AbortSignal.timeout(60_000), ...(signal ? [signal] : [])];
  const reading = { text: '', raw: '' };
  try {
    const answer = await fetch(`${till.url()}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(bodyOf(isStream)),
      signal: AbortSignal.any(signals),
    });
    for await (const chunk of answer.body ?? []) {
      reading.raw += new TextDecoder().decode(chunk);
      reading.text = isStream ? streamedText(reading.raw) : wholeText(reading.raw);
      onText(reading.text);
    }
    return judge(answer.status, reading, isStream);
  } catch (error) {
    const { text } = reading;
    return { judgement: judgeCut(text), text, said: `cut: ${(error as Error).message}` };
  }
}

function bodyOf(stream: boolean): object {
  const messages = [{ role: 'user', content: 'Count.' }];
  return { model: modelName, messages, max_tokens: 64, temperature: 0, stream };
}

function streamedText(raw: string): string {
  const pieces = raw.split('\n').flatMap((line) => {
    if (!line.startsWith('data: {')) return [];
    const { choices } = JSON.parse(line.slice(6)) as Chunk;
    return choices?.[0]?.delta?.content ?? [];
  });
  return pieces.join('');
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
}

function wholeText(raw: string): string {
  try {
    const { choices } = JSON.parse(raw) as {
      choices?: readonly { message?: { content?: string } }[];
    };
    return choices?.[0]?.message?.content ?? '';
  } catch {
    return ''; // not all of it is here yet
  }
}

function judge(
  status: number,
  { text, raw }: { text: string; raw: string },
  isStream: boolean,
): Seen {
  const code = /"code":"([A-Z_]+)"/.exec(raw)?.[1];
  const said = code ?? `${status}`;
  const isEnded = isStream ? raw.includes('data: [DONE]') : raw.includes('"finish_reason":"stop"');
  const isError = status !== 200 || raw.includes('"error"');
  if (isError) return { judgement: judgeCut(text), text, said };
  const isWhole = isEnded && raw.includes('"finish_reason":"stop"');
  return { judgement: isWhole && text === answerText ? 'pass' : 'fail', text, said };
}

/** Nothing wrong came before the error. */
function judgeCut(text: string): Judgement {
  if (text === '') return 'safe';
  return answerText.startsWith(text) ? 'partial' : 'fail';
}
