/** One streamed question to the gateway in the OpenAI dialect, as any client would ask it. */
import { AppError, errorFromBody, gatewayHeaders } from '@aitbc/protocol';

/** A question. */
export interface Question {
  readonly url: string;
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly signal?: AbortSignal | undefined;
}

/** What came back besides the text. */
export interface PaidAnswer {
  readonly jobId: string;
  readonly text: string;
  readonly outputTokens: number;
  readonly firstTokenMs: number;
  readonly durationMs: number;
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
  readonly usage?: { readonly completion_tokens: number } | null;
  readonly error?: unknown;
}

/** Asks and calls `onText` as the answer arrives. Throws the gateway's error. */
export async function askGateway(
  question: Question,
  onText: (text: string) => void,
): Promise<PaidAnswer> {
  const begunMs = performance.now();
  const answer = await fetch(`${question.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: question.model,
      messages: [{ role: 'user', content: question.prompt }],
      max_tokens: question.maxTokens,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    }),
    signal: question.signal ?? null,
  });
  if (!answer.ok || !answer.body) {
    const body = (await answer.json().catch(() => ({}))) as { error?: unknown };
    throw errorFromBody(body.error ?? body);
  }
  let text = '';
  let tokens = 0;
  let firstTokenMs = 0;
  for await (const chunk of chunksOf(answer.body)) {
    if (chunk.error) throw errorFromBody(chunk.error);
    const piece = chunk.choices?.[0]?.delta?.content ?? '';
    if (piece && !firstTokenMs) firstTokenMs = performance.now() - begunMs;
    if (piece) onText(piece);
    text += piece;
    tokens = chunk.usage?.completion_tokens ?? tokens;
  }
  const jobId = answer.headers.get(gatewayHeaders.jobId);
  if (!jobId) throw new AppError('ENGINE_PROTOCOL', { engine: 'gateway', reason: 'no job id' });
  return {
    jobId,
    text,
    outputTokens: tokens,
    firstTokenMs,
    durationMs: performance.now() - begunMs,
  };
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Chunk> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body as unknown as AsyncIterable<Uint8Array>) {
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const data = line.startsWith('data: ') ? line.slice(6).trim() : '';
      if (data && data !== '[DONE]') yield JSON.parse(data) as Chunk;
    }
  }
}
