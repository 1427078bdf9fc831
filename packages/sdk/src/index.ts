export { createTransport, openSocket } from '#platform';
export { settledMemoryMs } from './books/book.ts';
export { type BuyerLog, silentLog } from './books/log.ts';
export {
  type BuyerChange,
  type BuyerState,
  type BuyerStore,
  type CallRow,
  type CallStatus,
  type ChannelRow,
  type ChannelStatus,
  createMemoryStore,
  type DaySpend,
} from './books/store.ts';
export { zCorrectiveFacts } from './buyer/adopt-corrective.ts';
export {
  type Buyer,
  type BuyerDeps,
  type BuyerOptions,
  createBuyer,
} from './buyer/buyer.ts';
export type { SubmittedJob } from './buyer/submit-job.ts';
export type { BuyCall, JobEnd, JobEvent, PayMode, RunningJob } from './buyer/types.ts';
export { createRpcLightSource } from './chain/light-source.ts';
export {
  type ChainInfo,
  createNodeClient,
  type NodeClient,
  type NodeClientDeps,
  type NodeClientOptions,
  type NodeRpc,
} from './chain/node-client.ts';
export * from './chain/signer.ts';
export type {
  Notification,
  NotificationHandler,
  SubscribeOptions,
  Subscription,
} from './chain/subscriptions.ts';
export * from './chain/tx-sender.ts';
export {
  type AnswerSubject,
  type AnswerWriter,
  createAnswerWriter,
  errorAnswer,
} from './dialects/answer-writer.ts';
export {
  type BuyRequest,
  buyRequestFrom,
  buyRequestOf,
  createIdempotencyKeys,
  type IdempotencyKeys,
} from './dialects/buy-request.ts';
export { collect, createPayingFetch } from './dialects/paying-fetch.ts';
export {
  type CallOptions,
  type Client,
  type ClientOptions,
  createClient,
} from './http/client.ts';
export * from './http/clients.ts';
export type {
  HttpAnswer,
  HttpRequest,
  OpenSocket,
  Socket,
  SocketEvents,
  Transport,
} from './http/transport.ts';
export { createLightClient, type LightClient, type LightDeps } from './light/light-client.ts';
export type {
  LightAttack,
  LightOptions,
  LightRefusal,
  LightResult,
  LightSource,
  LightTrust,
  StateAnswer,
  TrustedHeader,
  TxAnswer,
  VerifiedAccount,
  VerifiedState,
  VerifiedTx,
} from './light/types.ts';
