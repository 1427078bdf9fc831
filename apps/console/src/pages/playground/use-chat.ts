/**
 * One conversation with the market.
 *
 *   idle ─ask→ asking ─first piece→ answering ─bill→ idle; any failure → idle with a fault
 *
 * A turn keeps who delivered which stretch of its text. When the reader leaves or stops, the request ends and the
 * gateway stops paying with the window that is open.
 */
import { useCallback, useEffect, useRef, useState } from 'react';
import { CallError, errorOf, fetchAnswer } from '../../data/call-json.ts';
import { type Bill, type ChatNews, type Moved, readChat } from './chat-stream.ts';

/** A stretch of an answer by one provider. */
export interface Stretch {
  readonly provider: string;
  readonly text: string;
  /** How it came to be its turn; undefined for the first. */
  readonly moved: Moved | undefined;
}

/** One question and its answer. */
export interface Turn {
  readonly question: string;
  readonly stretches: readonly Stretch[];
  readonly state: 'asking' | 'answering' | 'done' | 'stopped' | 'failed';
  readonly jobId: string | undefined;
  readonly startedMs: number;
  readonly firstTokenMs: number | undefined;
  readonly durationMs: number | undefined;
  readonly finish: string | undefined;
  readonly bill: Bill | undefined;
  readonly fault: CallError | undefined;
}

/** What a question needs. */
export interface Ask {
  readonly gateway: string;
  readonly model: string;
  readonly question: string;
  readonly maxTokens: number;
  /** Token of the gateway's owner, where API keys are in use. */
  readonly token: string | undefined;
}

/** A conversation. */
export interface Chat {
  readonly turns: readonly Turn[];
  readonly isBusy: boolean;
  ask(ask: Ask): Promise<void>;
  stop(): void;
}

const turnsKept = 20;

/** A conversation that begins empty. `onNews` hears everything as it comes. */
export function useChat(onNews?: (turn: Turn) => void): Chat {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [isBusy, setBusy] = useState(false);
  const leaving = useRef<AbortController>(undefined);
  const listener = useRef(onNews);
  listener.current = onNews;
  useEffect(() => () => leaving.current?.abort(), []);
  const stop = useCallback(() => leaving.current?.abort(), []);
  const ask = async (wish: Ask): Promise<void> => {
    const controller = new AbortController();
    leaving.current = controller;
    setBusy(true);
    let turn = newTurn(wish.question);
    const show = (next: Turn): void => {
      turn = next;
      setTurns((all) => [...all.slice(0, -1), next]);
      listener.current?.(next);
    };
    setTurns((all) => [...all, turn].slice(-turnsKept));
    try {
      const answer = await post(wish, controller.signal);
      show({ ...turn, ...headOf(answer) });
      for await (const news of readChat(answer.body as ReadableStream<Uint8Array>)) {
        show(afterNews(turn, news, performance.now()));
      }
      show({ ...turn, state: 'done', durationMs: performance.now() - turn.startedMs });
    } catch (error) {
      const durationMs = performance.now() - turn.startedMs;
      if (controller.signal.aborted) show({ ...turn, state: 'stopped', durationMs });
      else show({ ...turn, state: 'failed', durationMs, fault: faultOf(error) });
    } finally {
      setBusy(false);
    }
  };
  return { turns, isBusy, ask, stop };
}

function newTurn(question: string): Turn {
  const none = { firstTokenMs: undefined, durationMs: undefined, finish: undefined };
  const open = { jobId: undefined, bill: undefined, fault: undefined };
  return {
    question,
    stretches: [],
    state: 'asking',
    startedMs: performance.now(),
    ...none,
    ...open,
  };
}

async function post(wish: Ask, signal: AbortSignal): Promise<Response> {
  const { gateway, model, question, maxTokens, token } = wish;
  const body = {
    ...{ model, stream: true, stream_options: { include_usage: true }, max_tokens: maxTokens },
    messages: [{ role: 'user', content: question }],
  };
  const answer = await fetchAnswer(`${gateway}/v1/chat/completions`, { body, token, signal });
  if (answer.ok && answer.body) return answer;
  const text = await answer.text();
  throw errorOf(parsed(text), answer.status);
}

function headOf({ headers }: Response): Pick<Turn, 'jobId' | 'stretches'> {
  const provider = headers.get('x-aitbc-provider') ?? '';
  return {
    jobId: headers.get('x-aitbc-job') ?? undefined,
    stretches: [{ provider, text: '', moved: undefined }],
  };
}

/** A turn after a piece of news. */
export function afterNews(turn: Turn, news: ChatNews, nowMs: number): Turn {
  switch (news.type) {
    case 'text': {
      const before = turn.stretches.slice(0, -1);
      const last = turn.stretches.at(-1) ?? { provider: '', text: '', moved: undefined };
      const firstTokenMs = turn.firstTokenMs ?? nowMs - turn.startedMs;
      const stretches = [...before, { ...last, text: last.text + news.text }];
      return { ...turn, state: 'answering', firstTokenMs, stretches };
    }
    case 'moved': {
      const next = { provider: news.moved.to, text: '', moved: news.moved };
      return { ...turn, stretches: [...turn.stretches, next] };
    }
    case 'finish':
      return { ...turn, finish: news.reason };
    default:
      return { ...turn, bill: news.bill };
  }
}

function faultOf(error: unknown): CallError {
  if (error instanceof CallError) return error;
  return new CallError('FAILED', error instanceof Error ? error.message : String(error));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
