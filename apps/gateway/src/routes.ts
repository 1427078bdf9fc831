/** The gateway's calls. Each family of paths speaks its clients' dialect, in its refusals too. */
import {
  AppError,
  amountOf,
  dialectForms,
  type Endpoint,
  gatewayEndpoints,
  type OutputOf,
  type ParsedInputOf,
} from '@aitbc/protocol';
import type { Buyer, CallRow } from '@aitbc/sdk';
import { type Handlers, type Log, mountEndpoints } from '@aitbc/service';
import type { FastifyInstance } from 'fastify';
import type { Access, Caller } from './access/access.ts';
import { errorHandlerOf, notFoundHandlerOf } from './front/front-errors.ts';
import type { Listings } from './front/listings.ts';
import { type AccountView, shownKey } from './owner/account-view.ts';
import type { JobLog } from './owner/job-log.ts';
import type { GatewayStore } from './store.ts';
import type { SubmitJob } from './submit-job.ts';

/** What the routes need. */
export interface RouteDeps {
  readonly buyer: () => Buyer;
  readonly access: Access;
  readonly listings: Listings;
  readonly account: AccountView;
  readonly jobs: JobLog;
  readonly submitJob: SubmitJob;
  readonly store: GatewayStore;
  readonly dayMax: string;
  readonly log: Log;
}

const {
  chatCompletions,
  completions,
  responses,
  messages,
  ollamaChat,
  ollamaGenerate,
  embeddings,
  ollamaEmbed,
  ollamaEmbeddings,
  ...free
} = gatewayEndpoints;

const { ollamaTags, ollamaShow, ollamaPs, ollamaVersion, ...plain } = free;
const ollamaEndpoints = { ollamaTags, ollamaShow, ollamaPs, ollamaVersion };
const openAiError = dialectForms.openai.errorBody;
const ollamaError = dialectForms['ollama-chat'].errorBody;

/** Mounts all free calls, each family in a scope with errors of its own. */
export async function mountRoutes(app: FastifyInstance, deps: RouteDeps): Promise<void> {
  const { access, log } = deps;
  const authorize = (row: Endpoint, { headers }: { headers: object }): Caller => {
    const caller = access.callerOf(headers);
    if (row.access !== 'token' || caller.kind === 'owner') return caller;
    throw new AppError('UNAUTHORIZED', { reason: 'the token of admin.token is needed' });
  };
  await app.register((scope, _options, done) => {
    scope.setErrorHandler(errorHandlerOf(openAiError, log));
    mountEndpoints(scope, plain, { log, authorize, handlers: plainHandlers(deps) });
    done();
  });
  await app.register((scope, _options, done) => {
    scope.setErrorHandler(errorHandlerOf(ollamaError, log));
    mountEndpoints(scope, ollamaEndpoints, { log, authorize, handlers: ollamaHandlers(deps) });
    done();
  });
  await mountUnknown(app, '/v1', openAiError);
  await mountUnknown(app, '/api', ollamaError);
}

async function mountUnknown(
  app: FastifyInstance,
  prefix: string,
  body: typeof openAiError,
): Promise<void> {
  const mount = (scope: FastifyInstance, _options: unknown, done: () => void): void => {
    scope.setNotFoundHandler(notFoundHandlerOf(body));
    done();
  };
  await app.register(mount, { prefix });
}

function plainHandlers(deps: RouteDeps): Handlers<typeof plain, Caller> {
  const { buyer, access, listings, account, jobs, submitJob, store } = deps;
  return {
    models: (_input, context) => listings.models(wishOf(deps, context)),
    model: ({ id }, context) => listings.model(id, wishOf(deps, context)),
    submitJob,
    spend: ({ limit }) => spendOf(deps, buyer(), limit),
    proof: ({ jobId }) => {
      const proof = store.proof(jobId);
      if (!proof) throw new AppError('JOB_UNKNOWN', { jobId });
      return proof;
    },
    quote: (input, { signal }) => account.quote(input, signal),
    balance: (_input, { signal }) => account.balance(signal),
    limits: (_input, { caller }) => account.limits(caller),
    job: ({ jobId }) => jobs.job(jobId),
    log: ({ limit }) => ({ jobs: [...jobs.newest(limit)] }),
    createKey: (input) => createKey(access, input),
    listKeys: () => ({ keys: access.keys().map((key) => shownKey(key, access)) }),
    deleteKey: ({ name }) => {
      access.removeKey(name);
      return { name };
    },
  };
}

function ollamaHandlers(deps: RouteDeps): Handlers<typeof ollamaEndpoints, Caller> {
  const { listings } = deps;
  return {
    ollamaTags: (_input, context) => listings.tags(wishOf(deps, context)),
    ollamaPs: (_input, context) => listings.ps(wishOf(deps, context)),
    ollamaShow: ({ model, name }, context) =>
      listings.show(model ?? name ?? '', wishOf(deps, context)),
    ollamaVersion: () => listings.version(),
  };
}

function wishOf(
  { access }: RouteDeps,
  { caller, signal }: { readonly caller: Caller; readonly signal: AbortSignal },
) {
  return { signal, mayUse: (model: string) => access.mayUse(caller, model) };
}

function createKey(
  access: Access,
  { name, dayMax, jobMax, models }: ParsedInputOf<typeof gatewayEndpoints.createKey>,
): OutputOf<typeof gatewayEndpoints.createKey> {
  const amountOrNull = (text: string | null) => (text === null ? null : amountOf(text));
  const { key, secret } = access.createKey({
    name,
    dayMax: amountOrNull(dayMax),
    jobMax: amountOrNull(jobMax),
    models,
  });
  return { ...shownKey(key, access), secret };
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
  const { jobId, model, provider, outcome, promptTokens, outputTokens } = row;
  const { firstTokenMs, durationMs, startedAtMs: atMs } = row;
  const charged = row.charged.toString();
  const counts = { promptTokens, outputTokens, charged };
  return { jobId, atMs, model, provider, outcome, ...counts, firstTokenMs, durationMs };
}
