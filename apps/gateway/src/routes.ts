/** The gateway's calls; errors in the shape that OpenAI's clients read. */
import { AppError, asAppError, gatewayEndpoints, limits, type OutputOf } from '@aitbc/protocol';
import { type Buyer, type CallRow, type CoordinatorClient, errorAnswer } from '@aitbc/sdk';
import { type Log, mountEndpoints } from '@aitbc/service';
import type { FastifyInstance } from 'fastify';
import type { ServeChat } from './serve-chat.ts';
import type { GatewayStore } from './store.ts';
import type { SubmitJob } from './submit-job.ts';

/** What the routes need. */
export interface RouteDeps {
  readonly buyer: () => Buyer;
  readonly coordinator: Pick<CoordinatorClient, 'models'>;
  readonly serveChat: ServeChat;
  readonly submitJob: SubmitJob;
  readonly store: GatewayStore;
  readonly dayMax: string;
  readonly log: Log;
}

/** Mounts all calls. */
export async function mountRoutes(app: FastifyInstance, deps: RouteDeps): Promise<void> {
  await app.register(async (scope) => mountInScope(scope, deps));
}

/** A scope of its own: its errors look like OpenAI's, those of health and metrics stay ours. */
function mountInScope(app: FastifyInstance, deps: RouteDeps): void {
  const { buyer, coordinator, serveChat, submitJob, store, log } = deps;
  app.setErrorHandler((error, _request, reply) => {
    const known = fromFramework(error);
    if (known.code === 'INTERNAL') log.error({ err: error }, 'a call failed');
    const { retryAfterSeconds } = known.facts;
    if (typeof retryAfterSeconds === 'number') void reply.header('retry-after', retryAfterSeconds);
    void reply.status(known.row.httpStatus).send(errorAnswer('openai', known));
  });
  mountEndpoints(app, gatewayEndpoints, {
    log,
    handlers: {
      chatCompletions: serveChat,
      submitJob,
      models: (_input, { signal }) => coordinator.models({}, { signal }),
      spend: ({ limit }) => spendOf(deps, buyer(), limit),
      proof: ({ jobId }) => {
        const proof = store.proof(jobId);
        if (!proof) throw new AppError('JOB_UNKNOWN', { jobId });
        return { jobId, ...proof, receipts: [...proof.receipts] };
      },
    },
  });
}

interface FrameworkError {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly message?: unknown;
}

/** Our error for what the HTTP framework refuses before a handler runs. */
function fromFramework(error: unknown): AppError {
  const { code, statusCode, message } = error as FrameworkError;
  const known = asAppError(error);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const { bodyBytes: limitBytes } = limits;
    return new AppError('PAYLOAD_TOO_LARGE', { sizeBytes: 'more', limitBytes }, { cause: error });
  }
  const isRefusal = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  if (known.code !== 'INTERNAL' || !isRefusal) return known;
  return new AppError('BAD_REQUEST', { reason: String(message) }, { cause: error });
}

function spendOf(
  { store, dayMax }: RouteDeps,
  buyer: Buyer,
  limit: number,
): OutputOf<typeof gatewayEndpoints.spend> {
  return {
    payer: buyer.payer,
    charged: store.totalCharged().toString(),
    dayLimit: dayMax,
    spentToday: buyer.spentToday().toString(),
    channels: buyer.channels().map(({ channelId, provider, balance, signedMax, settled }) => ({
      channelId,
      provider,
      balance: balance.toString(),
      signedMax: signedMax.toString(),
      charged: settled.toString(),
    })),
    calls: store.newestCalls(limit).map(shownCall),
  };
}

function shownCall(row: CallRow): OutputOf<typeof gatewayEndpoints.spend>['calls'][number] {
  const { jobId, model, provider, outcome, promptTokens, outputTokens, firstTokenMs, durationMs } =
    row;
  const charged = row.charged.toString();
  const atMs = row.startedAtMs;
  return {
    jobId,
    atMs,
    model,
    provider,
    outcome,
    promptTokens,
    outputTokens,
    charged,
    firstTokenMs,
    durationMs,
  };
}
