/**
 * What the provider needs from an inference engine, and nothing more.
 *
 * Three engines stand behind it: `embedded` (llama.cpp in a child process), `ollama` and `openai` (any
 * OpenAI-compatible server). One list of cases, compliance.ts, holds for all of them.
 *
 * Counting. `tokens` events are counted from what was streamed; their sum is `completionTokens`. The
 * end token and the tokens of a stop string are not in it. What the engine itself claims is handed on
 * as `counterTokens`, for a cross-check only; it may be one higher, because engines count the end token.
 *
 * Back-pressure. A consumer that stops pulling stops the engine. The embedded engine stops after
 * `RUN_AHEAD_TOKENS`. Over HTTP only full socket buffers stop an engine, which can be thousands of
 * tokens; `backPressure` says which of the two holds. What such an engine can waste is bounded by
 * `maxTokens`, and the provider ends it by abort; the bound of k unpaid *delivered* tokens holds for
 * both, because delivery is the provider's own step. Making HTTP engines pause by short requests was
 * rejected: it needs exact continuation, which most servers do not promise.
 *
 * Rejected: passing engine options through. Every field here is one that a stranger may set.
 */
import {
  AppError,
  type Facts,
  type InferenceRequest,
  type JobKind,
  type ReplayMeasure,
} from '@aitbc/protocol';

/** The kinds of engine a provider can stand on. */
export type EngineKind = 'embedded' | 'ollama' | 'openai';

/**
 * How a model goes on with the text of an answer that broke off elsewhere.
 *   exact        what follows is what would have followed at temperature 0, but for near ties: with F16 weights llama.cpp's
 *                logits of a text that it reads at once differ by up to 0.008 from those of one that it wrote
 *   best effort  it goes on with the text, but nobody promises that it goes on the same way
 *   none         it would answer anew
 */
export type EngineResume = 'exact' | 'best effort' | 'none';

/** How far the embedded engine runs ahead of its consumer, in tokens: half of the payment window. */
export const RUN_AHEAD_TOKENS = 8;

/** One model as the engine describes it. */
export interface EngineModel {
  readonly name: string;
  /** `sha256:<hex>`: of the GGUF file (embedded) or of the manifest (Ollama); absent if unknown. */
  readonly digest?: string;
  readonly quantization?: string;
  /** Tokens of prompt and answer together. */
  readonly contextMax: number;
  readonly parameters?: number;
  /** Default: chats only. */
  readonly serves?: readonly JobKind[];
  /** How `prefixText` is continued. */
  readonly resume: EngineResume;
  /**
   * At temperature 0 it writes its most likely token every time, whatever else a request asks for, and anybody
   * with the same weights can tell. Default: nobody knows.
   */
  readonly verifiable?: boolean;
}

/** What stands behind the engine now. */
export interface EngineProbe {
  readonly engine: EngineKind;
  readonly version: string;
  readonly models: readonly EngineModel[];
}

/** One message of a chat. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** A validated request; a field left out takes the engine's default. */
export interface EngineRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  /** Upper bound of generated tokens, always set from what is paid. */
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  /** Text of the answer so far, to be continued and not repeated; refused where `resume` is `none`. */
  readonly prefixText?: string;
}

/** Texts to be turned into vectors. */
export interface EngineEmbedRequest {
  readonly model: string;
  readonly inputs: readonly string[];
}

/** One vector for each text, in order. */
export interface EngineEmbeddings {
  readonly vectors: readonly (readonly number[])[];
  /** Tokens of all texts together; 0 when the engine does not say. */
  readonly promptTokens: number;
}

/** Tokens that were generated; `text` may be empty while a character is incomplete. */
export interface TokensEvent {
  readonly type: 'tokens';
  readonly text: string;
  readonly tokens: number;
  /** Reasoning text of a thinking model; its tokens count like any other. */
  readonly thinking?: string;
}

/** The last event of a generation. */
export interface EndEvent {
  readonly type: 'end';
  readonly reason: 'stop' | 'length';
  /** Tokens of prompt and prefix; undefined when the engine ended without its counters. */
  readonly promptTokens: number | undefined;
  readonly completionTokens: number;
  /** The engine's own claim. */
  readonly counterTokens?: number;
  /** The stream ended cleanly but without the engine's last word. */
  readonly incomplete?: true;
}

export type EngineEvent = TokensEvent | EndEvent;

/** An answer at temperature 0 that is replayed; fields of an `AuditSubject`. */
export interface EngineAudit {
  /** The weights that were promised; names of models differ from provider to provider. */
  readonly digest: string;
  readonly request: Pick<InferenceRequest, 'messages' | 'stop'>;
  /** Text of the answer that others gave before. */
  readonly formerText: string;
  readonly text: string;
  readonly signal: AbortSignal;
}

/** Load of the engine as this process sees it. */
export interface EngineGauges {
  readonly state: 'stopped' | 'starting' | 'ready' | 'restarting';
  readonly running: number;
  /** Requests the engine works on at once; undefined when only a benchmark can tell. */
  readonly slots: number | undefined;
  /** Generations asked for since the start. */
  readonly calls: number;
  /** Tokens received since the start. */
  readonly tokens: number;
}

/** What to do about an error: wait, refuse the request, withdraw the offer, or count a crash. */
export type EngineTrouble = 'busy' | 'bad' | 'gone' | 'crash';

/** An inference engine. */
export interface Engine {
  readonly kind: EngineKind;
  readonly backPressure: 'tokens' | 'socket';
  start(): Promise<void>;
  /** Ends running generations with ENGINE_UNAVAILABLE. */
  stop(): Promise<void>;
  /** Throws ENGINE_UNAVAILABLE, ENGINE_TOO_OLD or ENGINE_PROTOCOL. */
  probe(signal: AbortSignal): Promise<EngineProbe>;
  /** Zero or more `tokens` events, then one `end`. Abort throws the signal's reason and frees the slot. */
  generate(
    request: EngineRequest,
    options: { readonly signal: AbortSignal },
  ): AsyncIterable<EngineEvent>;
  /** Throws ENGINE_BAD_REQUEST for a text that does not fit. Abort throws the signal's reason. */
  embed(
    request: EngineEmbedRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<EngineEmbeddings>;
  /**
   * Measures an answer against what the model would have written. Paid jobs go first: throws ENGINE_BUSY while no slot
   * is free, and when a paid job takes its slot. Throws ENGINE_MODEL_UNKNOWN for other weights, ENGINE_BAD_REQUEST
   * for what does not fit here. Abort throws the signal's reason.
   */
  audit?(subject: EngineAudit): Promise<ReplayMeasure>;
  /** Why `audit` is missing. */
  readonly noAudit?: string;
  /** Exact prompt tokens, prefix included, or undefined where the engine cannot tell beforehand. */
  countPromptTokens(request: EngineRequest, signal: AbortSignal): Promise<number | undefined>;
  gauges(): EngineGauges;
  classify(error: unknown): EngineTrouble;
}

const troubleByCode: Readonly<Record<string, EngineTrouble>> = {
  ENGINE_BUSY: 'busy',
  ENGINE_BAD_REQUEST: 'bad',
  ENGINE_MODEL_UNKNOWN: 'bad',
  ENGINE_UNAVAILABLE: 'gone',
  ENGINE_TOO_OLD: 'gone',
  ENGINE_CRASHED: 'crash',
  ENGINE_PROTOCOL: 'crash',
};

/** The trouble class of an error by its code; an error without a known code is a crash. */
export function classifyEngineError(error: unknown): EngineTrouble {
  const code = (error as { code?: unknown } | null)?.code;
  return (typeof code === 'string' ? troubleByCode[code] : undefined) ?? 'crash';
}

type EngineErrorCode =
  | 'ENGINE_UNAVAILABLE'
  | 'ENGINE_BUSY'
  | 'ENGINE_CRASHED'
  | 'ENGINE_BAD_REQUEST'
  | 'ENGINE_PROTOCOL';

/** Makes errors of one engine: code, reason, more facts with an optional cause. */
export function createEngineErrors(engine: EngineKind) {
  return (code: EngineErrorCode, reason: string, more: { facts?: Facts; cause?: unknown } = {}) =>
    new AppError(code, { engine, reason, ...more.facts }, { cause: more.cause });
}

export type EngineErrors = ReturnType<typeof createEngineErrors>;
