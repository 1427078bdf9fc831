/**
 * Every shared limit, in one table. Sizes in bytes, times in milliseconds, counts in pieces.
 * A limit that only one file knows stands at the head of that file with its reason.
 */
export const limits = Object.freeze({
  // chain
  txSizeBytes: 24_576, // a claim of 100 rows is about 14.6 kB
  blockSizeBytes: 2_097_152,
  blockTxCount: 2_000,
  memoBytes: 64,
  nameBytes: 32,
  endpointBytes: 200,
  claimRows: 100,
  vaultAllocations: 16,
  batchOperations: 256,
  expiringHorizonBlocks: 10_000,
  expiringPerAccount: 64,
  mandateReceivers: 16,
  mandateModels: 16,
  modelNameBytes: 128, // the longest names that engines list have about 100
  taskSpanMsMax: 90 * 24 * 3_600_000,
  taskReviewMsMin: 1_000,
  taskReviewMsMax: 30 * 24 * 3_600_000,
  taskDisputeMs: 7 * 24 * 3_600_000,
  mempoolTxCount: 10_000,
  mempoolSizeBytes: 16_777_216,
  mempoolPerAccount: 64,
  validators: 100,
  stakeCandidates: 256, // keys that the end of an epoch chooses the next set from
  missedViewsPerBlock: 256,
  catchUpBlocks: 1_000, // blocks after a stand-still for which dates wait at most
  auditReceiptBytes: 2_048, // a receipt with the longest names has about 1 500
  auditJurors: 64, // on the roster of a digest
  auditDocket: 64, // audits that wait for their draw, at most two blocks
  multisigMembers: 16,
  multisigOperations: 8, // of a proposal
  multisigSlots: 4, // proposals of a member that may be open at once
  multisigSpanMsMax: 30 * 24 * 3_600_000,
  paramNameBytes: 48,
  paramValueBytes: 20, // 2^64-1 has 20 digits
  withdrawDelayMsMin: 1_000,
  withdrawDelayMsMax: 30 * 24 * 3_600_000,

  // mesh
  meshFrameBytes: 4_194_304, // a block of the largest size, twice
  meshVotes: 256,
  meshCertificates: 64, // 425 kB with 100 votes each
  meshTxs: 1_000,
  meshRangeBlocks: 64,
  meshChunkBytes: 2_097_152,
  meshQueueBytes: 16_777_216, // four of the largest frames
  meshFollowers: 64,

  // bus
  busPayloadBytes: 65_536,
  busTopicBytes: 64,
  busTopics: 256,
  busQueueMessages: 1_024,
  busQueueBytes: 8_388_608, // 128 of the largest payloads
  busSendsPending: 256,
  busOutgoing: 4_096,
  busOutgoingBytes: 16_777_216,
  busAgeMs: 120_000, // clocks may be that far apart, as in payments
  busStreams: 16_384, // about 5 MB of replay windows
  busPeers: 64,

  // HTTP and WebSocket
  bodyBytes: 1_048_576,
  headerBytes: 8_192, // the payment header, base64
  requestTimeoutMs: 30_000,
  rpcBatch: 50,
  frameTxs: 1_000, // transactions of one binary frame; `bodyBytes` bounds it too
  subscriptionsPerSocket: 256,
  socketBacklogBytes: 1_048_576, // a slower reader is dropped with its cursor
  pageSize: 100,

  // payments
  idempotencyKeyBytes: 128,
  windowTokensDefault: 16,
  windowTokensMax: 256,
  vouchersPerCall: 64,
  outputTokensMax: 8_192,
  needVoucherWaitMs: 30_000,
  openCreditRequests: 16,
  resumePieces: 2_048, // receipts of one job, four tokens each
  resumeTailTokens: 512, // two of the largest windows: the last provider's, and that of one before it
  embedInputs: 256,
  offerLifetimeMs: 24 * 3_600_000,
  clockSkewMs: 120_000,
  mirrorAgeMsMax: 60_000,

  // market
  leaseMs: 15_000,
  heartbeatMs: 5_000,
  challengeLifetimeMs: 30_000,
  offersPerProvider: 64,
  routeResults: 20,
  jobAttempts: 3,
  jobLifetimeMs: 15 * 60_000,
  jobDeadlineMsMax: 24 * 3_600_000, // as long as an offer
  queuedJobs: 2_000_000,
  batchJobs: 10_000,
  batchBytes: 33_554_432, // 3 kB for each job of a full batch
  jobWatchers: 1_024,
  liveViewers: 512,
  agentCardBytes: 32_768, // of its canonical JSON
  taskDocumentBytes: 65_536,
  taskWatchers: 1_024,
  webhookUrlBytes: 500,
  webhookTries: 10, // 17 minutes with doubling waits
  relayCalls: 1_024, // with a full window each, 64 MiB each way
  relayCallsPerProvider: 64,
  relayBodiesPerCaller: 32, // half a provider's places: a body that does not come holds one for `requestTimeoutMs`
  relayChunkBytes: 16_384,
  relayHeadBytes: 32_768, // Node takes headers of 16 KiB; JSON may double them
  relayWindowBytes: 65_536,
  relayLineBytes: 262_144, // a heartbeat waits behind that much at most
  relayIdleMs: 300_000, // the longest that a provider waits for a voucher

  // messages
  letterBytes: 65_536, // the whole letter: one message of the bus
  letterLifetimeMs: 7 * 24 * 3_600_000,
  letterTypeBytes: 64,
  letterWindow: 64, // letters of a stream that may come before one that is missing
  letterHeldBytes: 4_194_304, // of all streams together: one full window of the longest letters
  letterStreams: 1_024,
  letterStreamsPerSender: 8,
  letterGaps: 16, // gaps of a stream that are remembered, to tell a late letter from a repeated one
  letterReceivers: 4_096, // streams that a sender has open
  lettersPerMinute: 120, // of one sender at one coordinator
  mailboxLetters: 1_000,
  mailboxBytes: 16_777_216,
  mailboxPerSender: 200,
  mailboxReads: 100_000, // accounts whose last reading a coordinator remembers
  noticePayloadBytes: 32_768,
  noticeTopicBytes: 48, // the bus adds a word in front
  noticesPerMinute: 240, // of one sender at one coordinator
  messageWatchers: 1_024,

  // surveillance
  alertEvidence: 256,
  alertFollowers: 256,
});
