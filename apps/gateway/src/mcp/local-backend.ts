/** The tools' backend inside the gateway: the same purchases and limits as every other caller has. */
import {
  AppError,
  gatewayOwnerEndpoints,
  readBody,
  readDialect,
  zOpenAiEmbeddings,
} from '@aitbc/protocol';
import { finishOf, type RunningJob } from '@aitbc/sdk';
import type { Access, Caller } from '../access/access.ts';
import type { Listings } from '../front/listings.ts';
import type { Purchases } from '../front/purchases.ts';
import type { AccountView } from '../owner/account-view.ts';
import type { JobLog } from '../owner/job-log.ts';
import { type ChatResult, shownModels, type ToolBackend } from './backend.ts';

const dialect = 'mcp';

export interface LocalDeps {
  readonly purchases: Purchases;
  readonly access: Pick<Access, 'mayUse'>;
  readonly listings: Listings;
  readonly account: AccountView;
  readonly jobs: JobLog;
}

/** The backend for one caller. */
export function createLocalBackend(deps: LocalDeps, caller: Caller): ToolBackend {
  const { purchases, access, listings, account, jobs } = deps;
  const mayUse = (model: string) => access.mayUse(caller, model);
  const marksOf = (key: string | undefined) => ({ key, retryCount: undefined });
  return {
    models: async (signal) => shownModels((await listings.models({ signal, mayUse })).data),
    quote: (input, signal) =>
      account.quote(readBody(gatewayOwnerEndpoints.quote.input, input), signal),
    async chat({ body, idempotencyKey, onText }, signal) {
      const { request } = readDialect('openai', body);
      const marks = marksOf(idempotencyKey);
      const job = await purchases.answer({ request, caller, dialect, marks, signal });
      return readAnswer(job, onText);
    },
    async embed({ model, input, idempotencyKey }, signal) {
      const { input: inputs } = readBody(zOpenAiEmbeddings, { model, input: [...input] });
      const request = { model, inputs: [...inputs] };
      const marks = marksOf(idempotencyKey);
      const bought = await purchases.vectors({ request, caller, dialect, marks, signal });
      const { vectors, promptTokens, charged, jobId, provider } = bought;
      const lists = vectors.map((vector) => [...vector]);
      return { vectors: lists, promptTokens, charged: charged.toString(), jobId, provider };
    },
    balance: (signal) => account.balance(signal),
    limits: async () => account.limits(caller),
    job: async (jobId) => jobs.job(jobId),
  };
}

async function readAnswer(job: RunningJob, onText: (text: string) => void): Promise<ChatResult> {
  let text = '';
  let result: ChatResult | undefined;
  for await (const event of job.events) {
    if (event.type === 'text') {
      text += event.text;
      onText(event.text);
    } else if (event.type === 'end') {
      const { reason, promptTokens, outputTokens, bill } = finishOf(job, event.end);
      const { charged = '0', providers = [] } = bill ?? {};
      const { jobId } = job;
      const counts = { promptTokens, outputTokens, charged, jobId };
      result = { text, finishReason: reason, ...counts, providers: [...providers] };
    }
  }
  if (result) return result;
  throw new AppError('UNAVAILABLE', { what: 'The provider', reason: 'it ended early' });
}
