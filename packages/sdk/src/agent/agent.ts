/**
 * An agent: it buys inference, hires others and works for them, and writes letters, all with one key and within one budget.
 *
 * Nothing happens before the first call. Joined here: the buyer (buyer/), tasks (tasks/), letters (outbox.ts, inbox.ts) and
 * the budget that all of them ask first. What a thief of the key can spend is bounded by the mandate on chain; the
 * budget bounds what the agent itself can do wrong. Runs in Node and in browsers. See docs/spec/agents.md.
 */
import { addressFromId, systemClock, textFromUtf8, utf8 } from '@aitbc/primitives';
import {
  accountIdOf,
  addressOf,
  type EmbedRequest,
  noLetter,
  type ReceivedLetter,
  unwrap,
} from '@aitbc/protocol';
import type { BuyerLog } from '../books/log.ts';
import type { EmbedResult } from '../buyer/types.ts';
import { pause } from '../chain/pause.ts';
import { jsonOf } from '../http/client.ts';
import { type AgentParts, flushOrTell, openAgentParts } from './agent-parts.ts';
import { hire } from './hire.ts';
import { type Inbox, openInbox } from './inbox.ts';
import type { Outbox } from './outbox.ts';
import { serve } from './serve.ts';
import { createMemoryAgentStore } from './store.ts';
import type {
  AgentCallOptions,
  AgentDeps,
  AgentMessage,
  AgentOptions,
  BatchAnswer,
  ChatAnswer,
  ChatOptions,
  ChatWish,
  HireResult,
  HireWish,
  MessageListener,
  MessageOptions,
  MessageWish,
  SentMessage,
  ServeOptions,
  Service,
  Spending,
  TaskHandler,
} from './types.ts';

const resendEveryMs = 5_000;

/** One agent. Make one for each key; `close` it at the end. */
export class Agent {
  /** Address of the account that sends the agent's transactions. */
  readonly address: string;
  readonly #options: AgentOptions;
  readonly #deps: AgentDeps;
  readonly #listeners = new Set<MessageListener>();
  readonly #services = new Set<Service>();
  readonly #ending = new AbortController();
  #parts: Promise<AgentParts> | undefined;
  #following: Promise<void> | undefined;
  #resending: Promise<void> | undefined;

  constructor(options: AgentOptions, deps: AgentDeps = {}) {
    this.#options = { ...options, store: options.store ?? createMemoryAgentStore() };
    this.#deps = deps;
    this.address = options.signer?.address ?? addressFromId(options.keys.publicKey);
  }

  /** Buys an answer. Throws NO_OFFER, BUDGET_EXCEEDED, CANCELLED, or the last provider's refusal. */
  async chat(wish: ChatWish, options: ChatOptions = {}): Promise<ChatAnswer> {
    const { inference } = await this.#open();
    return inference.chat(wish, { ...options, signal: this.#signal(options) });
  }

  /** Buys vectors of texts. Throws like `chat`. */
  async embed(request: EmbedRequest, options: AgentCallOptions = {}): Promise<EmbedResult> {
    const { inference } = await this.#open();
    return inference.embed(request, { signal: this.#signal(options) });
  }

  /** Pays for whole jobs, hands them to the coordinator and waits until all have ended. Throws like `chat`. */
  async batch(wishes: readonly ChatWish[], options: AgentCallOptions = {}): Promise<BatchAnswer[]> {
    const { inference } = await this.#open();
    return inference.batch(wishes, { signal: this.#signal(options) });
  }

  /** Gives work to another agent and pays when it is done. Throws what chain and coordinator refuse, BUDGET_EXCEEDED. */
  async hire(wish: HireWish, options: AgentCallOptions = {}): Promise<HireResult> {
    const parts = await this.#open();
    return hire(parts, wish, { signal: this.#signal(options) });
  }

  /** Works for others until it is stopped: does tasks that ask for the skill. */
  async serve(skill: string, handler: TaskHandler, options: ServeOptions = {}): Promise<Service> {
    const { tasks, log } = await this.#open();
    const own = { ...options, signal: this.#signal(options) };
    const service = serve({ tasks, log, address: this.address }, { skill, handler, options: own });
    this.#services.add(service);
    return service;
  }

  /** Writes a letter to an address. Throws BAD_REQUEST, PAYLOAD_TOO_LARGE, SENDER_NOT_ADMITTED, CANCELLED. */
  async send(to: string, message: MessageWish, options: MessageOptions = {}): Promise<SentMessage> {
    const { outbox, log } = await this.#open();
    const { replyTo, lifetimeMs } = options;
    const receiver = unwrap(accountIdOf(to));
    const wish = { receiver, ...contentOf(message), replyTo, lifetimeMs };
    const sent = await outbox.send(wish, this.#signal(options));
    if (outbox.waiting > 0) this.#resending ??= this.#resend(outbox, log);
    return sent;
  }

  /** Hears letters from now on, in order, one at a time; the answer ends that. */
  on(_event: 'message', listener: MessageListener): () => void {
    this.#listeners.add(listener);
    this.#following ??= this.#follow();
    this.#following.catch((error: unknown) =>
      this.#deps.log?.warn({ err: error }, 'no letters come'),
    );
    return () => void this.#listeners.delete(listener);
  }

  /** What this agent has spent. */
  async spending(): Promise<Spending> {
    const { totalNait, spentNait, heldNait } = (await this.#open()).budget;
    return { totalNait, spentNait, heldNait };
  }

  /** Ends what runs, and the connections. */
  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.#services].map((service) => service.stop()));
    await this.#following?.catch(() => {});
    await this.#resending;
    await (await this.#parts?.catch(() => undefined))?.close();
  }

  #open(): Promise<AgentParts> {
    this.#parts ??= openAgentParts(this.#options, this.#deps);
    this.#parts.catch(() => {
      this.#parts = undefined; // the node was away: the next call tries again
    });
    return this.#parts;
  }

  /** Sends what waits again, until nothing does. */
  async #resend(outbox: Outbox, log: BuyerLog): Promise<void> {
    const { signal } = this.#ending;
    while (outbox.waiting > 0 && !signal.aborted) {
      await pause(resendEveryMs, signal).catch(() => {});
      await flushOrTell(outbox, log, signal);
    }
    this.#resending = undefined;
  }

  #signal({ signal }: AgentCallOptions): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#ending.signal]) : this.#ending.signal;
  }

  async #follow(): Promise<void> {
    const inbox: Inbox = await this.#openInbox();
    await inbox.follow(this.#ending.signal);
  }

  async #openInbox(): Promise<Inbox> {
    const parts = await this.#open();
    const { keys, carrier, store = createMemoryAgentStore(), coordinator } = this.#options;
    return openInbox({
      ...{ keys, store, carrier, coordinatorUrl: coordinator, network: parts.network },
      ...{ coordinator: parts.coordinator, transport: parts.transport, log: parts.log },
      clock: this.#deps.clock ?? systemClock,
      onLetter: async (letter) => {
        const message = this.#messageOf(letter);
        for (const listener of [...this.#listeners]) await listener(message);
      },
    });
  }

  #messageOf(letter: ReceivedLetter): AgentMessage {
    const { id, sender, timeMs, contentType, payload, missing, replyTo } = letter;
    const from = addressOf(sender);
    const text = textOf(payload);
    return {
      ...{ id, from, timeMs, contentType, payload, missing, text },
      replyTo: replyTo === noLetter ? undefined : replyTo,
      json: text === undefined ? undefined : jsonOf(text),
      reply: (message, options = {}) => this.send(from, message, { ...options, replyTo: id }),
    };
  }
}

function contentOf(message: MessageWish): { contentType: string; payload: Uint8Array } {
  if ('payload' in message) return message;
  if ('text' in message) return { contentType: 'text/plain', payload: utf8(message.text) };
  return { contentType: 'application/json', payload: utf8(JSON.stringify(message.json)) };
}

function textOf(payload: Uint8Array): string | undefined {
  try {
    return textFromUtf8(payload);
  } catch {
    return undefined;
  }
}
