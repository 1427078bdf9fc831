/** Plain clients of a gateway, over OpenAI's protocol: streams, whole answers, and readers that are slow. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobNote } from '../books/books.ts';
import type { AgentPlace, GatewayPlace } from '../contract.ts';
import { scriptedModel } from '../engines/scripted-text.ts';
import type { Draw } from '../plan/draw.ts';
import { drawPauseMs, messagesOf, newJob } from './errands.ts';
import { buyWithRepeats } from './honest.ts';
import type { AgentParts } from './parts.ts';

const callMs = 60_000;
const slowReadMs = 150;
const wholeShare = 0.2;
const verifiableShare = 0.6;
const verifiableTokens = 40;
const questions = [
  'How does a virtual table use the xColumn method?',
  'What does the VACUUM statement do?',
  'When is an index used for a query?',
  'What is a write-ahead log good for?',
] as const;

/** Asks its gateway until the run is over. */
export async function askGateway(place: AgentPlace, parts: AgentParts): Promise<undefined> {
  const { name, role } = place;
  const draw = parts.drawFor(name);
  const gateway = draw.oneOf(parts.facts.gateways);
  while (await parts.pause(drawPauseMs(parts.plan, draw))) {
    const model = draw.fraction() < verifiableShare ? await verifiableModel(gateway) : undefined;
    const job = newJob({ agent: name, via: gateway.name, atMs: parts.nowMs() }, draw);
    const asked = model === undefined ? job : { ...job, model, maxTokens: verifiableTokens };
    parts.notes.jobs.push(asked);
    const how = {
      isSlow: role === 'slowConsumer',
      isStream: role === 'slowConsumer' || draw.fraction() > wholeShare,
      body: bodyOf(asked, draw),
    };
    await buyWithRepeats(parts, asked, () => askOnce(gateway, asked, { ...how, parts }));
    asked.endMs = parts.nowMs();
  }
}

/** A model that is not the scripted one, when the gateway knows any. */
async function verifiableModel({ url }: GatewayPlace): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(5_000);
    const answer = await fetch(`${url}/v1/models`, { signal });
    const { data } = (await answer.json()) as { data: readonly { id: string }[] };
    return data.find(({ id }) => id !== scriptedModel)?.id;
  } catch {
    return undefined;
  }
}

function bodyOf(job: JobNote, draw: Draw): object {
  const messages =
    job.model === scriptedModel
      ? messagesOf(job)
      : [{ role: 'user', content: `${draw.oneOf(questions)} ${draw.between(1, 999)}` }];
  return { model: job.model, messages, max_tokens: job.maxTokens, temperature: 0 };
}

interface Asking {
  readonly isSlow: boolean;
  readonly isStream: boolean;
  readonly body: object;
  readonly parts: AgentParts;
}

async function askOnce({ url }: GatewayPlace, job: JobNote, asking: Asking): Promise<void> {
  const { isSlow, isStream, body, parts } = asking;
  job.text = '';
  job.state = 'running';
  try {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        ...{ 'content-type': 'application/json', authorization: 'Bearer any' },
        'idempotency-key': job.key,
      },
      body: JSON.stringify({ ...body, stream: isStream }),
      signal: AbortSignal.any([parts.signal, AbortSignal.timeout(callMs)]),
    });
    job.jobId = answer.headers.get('x-aitbc-job') ?? job.jobId;
    let raw = '';
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      raw += decoder.decode(chunk, { stream: true });
      if (isSlow) await sleep(slowReadMs);
    }
    judge(job, { status: answer.status, raw, isStream });
  } catch (error) {
    job.state = 'failed';
    job.code = `cut: ${(error as Error).message}`;
  }
}

interface Raw {
  readonly status: number;
  readonly raw: string;
  readonly isStream: boolean;
}

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
}

/** An answer ends well when it says how it ended; everything else must be an error. */
function judge(job: JobNote, { status, raw, isStream }: Raw): void {
  const code = /"code":"([A-Z_]+)"/.exec(raw)?.[1];
  const chunks = isStream ? chunksOf(raw) : [jsonOf(raw)];
  const choices = chunks.flatMap((chunk) => chunk?.choices?.[0] ?? []);
  job.text = choices.map(({ delta, message }) => delta?.content ?? message?.content ?? '').join('');
  job.finishReason = choices.find(({ finish_reason }) => finish_reason)?.finish_reason ?? undefined;
  job.moves = raw.split(': aitbc-moved').length - 1;
  const isWhole = status === 200 && (!isStream || raw.includes('data: [DONE]'));
  if (isWhole && job.finishReason !== undefined && !raw.includes('"error"')) {
    job.state = 'complete';
    return;
  }
  job.state = 'failed';
  job.code = code ?? `HTTP ${status}, no end`;
}

function chunksOf(raw: string): (Chunk | undefined)[] {
  const lines = raw.split('\n').filter((line) => line.startsWith('data: {'));
  return lines.map((line) => jsonOf(line.slice('data: '.length)));
}

function jsonOf(text: string): Chunk | undefined {
  try {
    return JSON.parse(text) as Chunk;
  } catch {
    return undefined; // a line that broke off
  }
}
