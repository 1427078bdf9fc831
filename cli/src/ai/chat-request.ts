/** A question from the words and options of the command line. */
import { text as readAll } from 'node:stream/consumers';
import { AppError } from '@aitbc/protocol';
import { decimal, positiveInteger } from '../command/parse-values.ts';
import type { Context } from '../context/context.ts';
import { readTextFile } from '../context/read-text-file.ts';

/** A chat in the words of the OpenAI dialect. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: { role: 'system' | 'user'; content: string }[];
  readonly max_tokens?: number;
  readonly temperature?: number;
}

/** Options that shape a question, for option tables. */
export const chatOptions = {
  model: { flags: '-m, --model <name>', help: 'default: AITBC_MODEL, or the first of the market' },
  system: { flags: '-s, --system <text>', help: 'how the model shall behave' },
  maxTokens: {
    flags: '--max-tokens <n>',
    help: 'most output tokens to buy',
    parse: positiveInteger,
  },
  temperature: { flags: '-t, --temperature <x>', help: '0 is steady, 1 is lively', parse: decimal },
  file: { flags: '-f, --file <path>', help: 'text below the prompt; - is standard input' },
} as const;

/** What the options gave. */
export interface ChatInput {
  readonly prompt: string | undefined;
  readonly options: {
    readonly model: string | undefined;
    readonly system: string | undefined;
    readonly maxTokens: number | undefined;
    readonly temperature: number | undefined;
    readonly file: string | undefined;
  };
}

/** The request. Throws CLI_USAGE without any text, and NO_OFFER when nothing is on offer. */
export async function chatRequestFor(context: Context, input: ChatInput): Promise<ChatRequest> {
  const { system, maxTokens, temperature } = input.options;
  const content = await contentOf(context, input);
  const model = input.options.model ?? (context.env.AITBC_MODEL || (await firstModel(context)));
  return {
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
      { role: 'user', content },
    ],
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
  };
}

async function contentOf({ stdin }: Context, { prompt, options }: ChatInput): Promise<string> {
  const { file } = options;
  const attached =
    file === undefined ? undefined : file === '-' ? await readAll(stdin) : readTextFile(file);
  const parts = [prompt, attached].filter((part) => part !== undefined && part.trim() !== '');
  if (parts.length > 0) return parts.join('\n\n');
  throw new AppError('CLI_USAGE', {
    reason: 'There is nothing to ask. Give a prompt, or a text with --file (- for standard input).',
  });
}

/** A gateway that does not say what a model serves has models for chat. */
function isForChat({ serves }: Readonly<Record<string, unknown>>): boolean {
  return !Array.isArray(serves) || serves.includes('chat');
}

async function firstModel({ clients, signal }: Context): Promise<string> {
  const { gateway } = await clients();
  const { data } = await gateway.models({}, { signal });
  const id = data.find(isForChat)?.id;
  if (typeof id === 'string') return id;
  throw new AppError('NO_OFFER', { model: 'any model', reason: 'the list of models is empty' });
}
