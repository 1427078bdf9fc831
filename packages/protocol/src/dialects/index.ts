export { zAnthropicMessages } from './anthropic.ts';
export * from './asides.ts';
export {
  type AnswerBill,
  type AnswerFinish,
  type AnswerSubject,
  type AnswerWriter,
  type AskedJob,
  type Dialect,
  type DialectForm,
  receiptsField,
} from './dialect.ts';
export {
  type EmbedAnswer,
  type EmbedDialect,
  type EmbedForm,
  embedForms,
  zOllamaEmbed,
  zOllamaEmbeddings,
  zOpenAiEmbeddings,
} from './embeddings.ts';
export {
  dialectBodies,
  dialectForms,
  dialectOfPath,
  dialectPaths,
  embedDialectOfPath,
  inferenceOf,
  readDialect,
} from './forms.ts';
export {
  type EmbedRequest,
  embeddingText,
  type InferenceMessage,
  type InferenceRequest,
  wireBodyOf,
  wireEmbedBodyOf,
} from './inference.ts';
export { zOllamaChat, zOllamaGenerate } from './ollama.ts';
export { zChatMessage, zOpenAiChat } from './openai-chat.ts';
export { zOpenAiCompletions } from './openai-completions.ts';
export { zOpenAiResponses } from './openai-responses.ts';
export { readBody } from './read-body.ts';
