/**
 * The gateway's tools for agents, as an MCP server. One definition serves both protocol eras (2025 and 2026-07-28),
 * over HTTP and over stdio.
 *
 * Annotations are honest: what spends coins is not read-only, not idempotent and not undone, so a host that asks its
 * user before such tools asks here. Everything else only reads.
 *
 * Left out: `hire_agent`. Tasks between agents have no market yet; a tool that always fails would be worse than none.
 */
import { asAppError, gatewayOwnerEndpoints, zChatMessage, zHash } from '@aitbc/protocol';
import { type CallToolResult, McpServer, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { type ToolBackend, zChatResult, zEmbedResult, zModelList } from './backend.ts';

const progressEveryMs = 50;
const idempotencyKeyChars = 128;

const reads = { readOnlyHint: true, openWorldHint: true } as const;
/** Coins that are spent do not come back. */
const spends = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true,
} as const;

const { quote, balance, limits, job } = gatewayOwnerEndpoints;
const zModel = z.string().min(1).max(128).meta({ description: 'as list_models names it' });
const zIdempotencyKey = z.string().min(1).max(idempotencyKeyChars).optional().meta({
  description: 'the same key with the same request is one job and is charged once',
});

const zChatInput = z.object({
  model: zModel,
  prompt: z.string().min(1).optional().meta({ description: 'one user message' }),
  messages: z.array(zChatMessage).min(1).max(256).optional().meta({
    description: 'a conversation, instead of prompt',
  }),
  max_tokens: z.int().positive().optional(),
  temperature: z.number().min(0).max(2).optional(),
  idempotency_key: zIdempotencyKey,
});

const zEmbedInput = z.object({
  model: zModel,
  input: z.array(z.string().min(1)).min(1),
  idempotency_key: zIdempotencyKey,
});

/** A server with the tools over a backend. */
export function createMcpServer(backend: ToolBackend, version: string): McpServer {
  const server = new McpServer(
    { name: 'aitbc-gateway', title: 'AITBC gateway', version },
    {
      instructions:
        'Buys inference on the AITBC market. chat and embed spend coins of the owner, inside limits that spend_limits shows; quote and list_models cost nothing. Amounts are nait: 1 AIT is 1000000000 nait.',
    },
  );
  addReadingTools(server, backend);
  addSpendingTools(server, backend);
  return server;
}

function addReadingTools(server: McpServer, backend: ToolBackend): void {
  const models = { title: 'List models', description: 'Models on offer now, with prices.' };
  server.registerTool(
    'list_models',
    { ...models, inputSchema: z.object({}), outputSchema: zModelList, annotations: reads },
    (_input, context) => answer(backend.models(signalOf(context))),
  );
  server.registerTool(
    'quote',
    {
      title: 'Quote',
      description: 'What a call would cost at most at each provider, best first. Buys nothing.',
      inputSchema: quote.input,
      outputSchema: quote.output,
      annotations: reads,
    },
    (input, context) => answer(backend.quote(input, signalOf(context))),
  );
  server.registerTool(
    'wallet_balance',
    {
      title: 'Wallet balance',
      description: 'Coins of the account that pays: account, vault, channels. In nait.',
      inputSchema: z.object({}),
      outputSchema: balance.output,
      annotations: reads,
    },
    (_input, context) => answer(backend.balance(signalOf(context))),
  );
  server.registerTool(
    'spend_limits',
    {
      title: 'Spending limits',
      description: 'What may still be spent, by one call and today.',
      inputSchema: z.object({}),
      outputSchema: limits.output,
      annotations: { ...reads, openWorldHint: false },
    },
    (_input, context) => answer(backend.limits(signalOf(context))),
  );
  server.registerTool(
    'job_status',
    {
      title: 'Job status',
      description: 'How a bought call stands: tokens, cost, providers.',
      inputSchema: z.object({ job_id: zHash }),
      outputSchema: job.output,
      annotations: { ...reads, openWorldHint: false },
    },
    ({ job_id: jobId }, context) => answer(backend.job(jobId, signalOf(context))),
  );
}

function addSpendingTools(server: McpServer, backend: ToolBackend): void {
  server.registerTool(
    'chat',
    {
      title: 'Chat',
      description:
        'Buys an answer of a model and pays for the tokens that arrive. Progress brings the text.',
      inputSchema: zChatInput,
      outputSchema: zChatResult,
      annotations: spends,
    },
    (input, context) => answer(chat(backend, input, context), ({ text }) => text),
  );
  server.registerTool(
    'embed',
    {
      title: 'Embed',
      description: 'Buys vectors of texts.',
      inputSchema: zEmbedInput,
      outputSchema: zEmbedResult,
      annotations: spends,
    },
    ({ model, input, idempotency_key: idempotencyKey }, context) =>
      answer(
        backend.embed({ model, input, idempotencyKey }, signalOf(context)),
        ({ vectors }) => `${vectors.length} vectors of ${vectors[0]?.length ?? 0} numbers`,
      ),
  );
}

async function chat(
  backend: ToolBackend,
  input: z.output<typeof zChatInput>,
  context: ServerContext,
): ReturnType<ToolBackend['chat']> {
  const { prompt, messages, idempotency_key: idempotencyKey, ...rest } = input;
  const body = { ...rest, messages: messages ?? [{ role: 'user', content: prompt ?? '' }] };
  const progress = createProgress(context);
  const wish = { body, idempotencyKey, onText: progress.add };
  const result = await backend.chat(wish, signalOf(context));
  await progress.flush();
  return result;
}

/** Text on its way as progress notifications, for hosts that asked for them; a few in a second, never one per token. */
function createProgress({ mcpReq }: ServerContext) {
  const progressToken = mcpReq._meta?.progressToken;
  let waiting = '';
  let chars = 0;
  let lastMs = 0;
  let sent: Promise<void> = Promise.resolve();
  const send = (): void => {
    if (progressToken === undefined || waiting === '') return;
    const params = { progressToken, progress: chars, message: waiting };
    waiting = '';
    lastMs = performance.now();
    // A host that does not read its progress still gets its answer.
    sent = mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {});
  };
  return {
    add(text: string): void {
      waiting += text;
      chars += text.length;
      if (performance.now() - lastMs >= progressEveryMs) send();
    },
    flush(): Promise<void> {
      send();
      return sent;
    },
  };
}

const signalOf = ({ mcpReq }: ServerContext): AbortSignal => mcpReq.signal;

/** The result of a tool; refusals are results too, so that the model reads why. */
async function answer<T extends object>(
  work: Promise<T>,
  textOf: (value: T) => string = (value) => JSON.stringify(value),
): Promise<CallToolResult> {
  try {
    const value = await work;
    const text = textOf(value);
    return {
      content: [{ type: 'text', text }],
      structuredContent: value as Record<string, unknown>,
    };
  } catch (error) {
    const { code, message } = asAppError(error);
    return { content: [{ type: 'text', text: `${code}: ${message}` }], isError: true };
  }
}
