export { createTransport, openSocket } from '#platform';
export * from './agent/index.ts';
export { type MaxNait, settledMemoryMs } from './books/book.ts';
export type { Commitment } from './books/job-sums.ts';
export { type BuyerLog, silentLog } from './books/log.ts';
export {
  type BuyerChange,
  type BuyerState,
  type BuyerStore,
  type CallRow,
  type CallStatus,
  type CallTail,
  type ChannelRow,
  type ChannelStatus,
  createMemoryStore,
  type DaySpend,
  type SaveTime,
} from './books/store.ts';
export {
  type Buyer,
  type BuyerDeps,
  type BuyerOptions,
  createBuyer,
} from './buyer/buyer.ts';
export { zCorrectiveFacts } from './buyer/pay/adopt-corrective.ts';
export type { SubmittedJob } from './buyer/submit-job.ts';
export type {
  BuyCall,
  EmbedCall,
  EmbedResult,
  JobEnd,
  JobEvent,
  JobMoved,
  JobPart,
  PayMode,
  RunningJob,
} from './buyer/types.ts';
export * from './chain/funder.ts';
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
export { collect, eventText, finishOf, writerOf } from './dialects/bought-answer.ts';
export {
  type BuyRequest,
  buyRequestOf,
  createIdempotencyKeys,
  type IdempotencyKeys,
  type RetryMarks,
} from './dialects/buy-request.ts';
export { createPayingFetch, type FetchBuyer } from './dialects/paying-fetch.ts';
export {
  type CallOptions,
  type Client,
  type ClientOptions,
  createClient,
} from './http/client.ts';
export * from './http/clients.ts';
export { type EventRequest, readEvents, type StreamEvent } from './http/event-stream.ts';
export type {
  HttpAnswer,
  HttpRequest,
  OpenSocket,
  Socket,
  SocketEvents,
  Transport,
} from './http/transport.ts';
export { type ChainProofWish, collectChainProof } from './light/collect-chain-proof.ts';
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
export {
  type ProofTrust,
  type ProvenBlock,
  type ProvenChain,
  type ProvenOffline,
  type ProvenRegistration,
  providersOf,
  verifyChainProof,
  verifyProofOffline,
} from './light/verify-chain-proof.ts';
export { isPrivateUrl } from './offers/private-address.ts';
export * from './tasks/index.ts';
