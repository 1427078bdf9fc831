/**
 * Canaries: short verifiable requests that a coordinator buys from a new provider, to replay the answers before it sends
 * it buyers. They are drawn from a seed, so that whoever knows the seed can show afterwards that nothing was chosen.
 *
 * A provider that can tell a canary serves the real model for it and another one for everybody else. So canaries
 * differ in everything that callers differ in (wording, case, system text, earlier turns, length, sampling fields that
 * mean nothing at temperature 0), and they must come from many accounts, over days, in between others.
 *
 * Limits: the phrases below are public, and so a request made of them can be recognised. They are for development
 * and for a first look. A coordinator that means it gives phrases of its own and keeps them to itself; and
 * whatever canaries find, only audits of real paid jobs catch who cheats on some of them (spec, "Canaries").
 */
import { bytesFromHex, concat, sha256 } from '@aitbc/primitives';
import type { Hex, InferenceMessage, InferenceRequest } from '@aitbc/protocol';

/** What canaries are made of: `{topic}` and `{other}` in a wording are replaced. */
export interface CanaryPhrases {
  readonly wordings: readonly string[];
  readonly topics: readonly string[];
  readonly systems: readonly string[];
}

/** Phrases for development. */
export const publicPhrases: CanaryPhrases = Object.freeze({
  wordings: [
    'What is {topic}?',
    'Explain {topic} in simple words.',
    'explain {topic} like I am five',
    'Give me three facts about {topic}.',
    'Compare {topic} with {other}. Which one should I choose, and when?',
    '{topic} vs {other}',
    'Write a short introduction to {topic} for a newsletter.',
    'I keep hearing about {topic} but I never use it. What am I missing?',
    'List the steps to get started with {topic}.',
    'hi! can you help me with {topic}? thanks',
    'Why do people prefer {topic} over {other}?',
    'Summarize the history of {topic} in one paragraph.',
    'Write a haiku about {topic}',
    'What are common mistakes with {topic}?',
    'Draft an email to a colleague that explains {topic} and mentions {other}.',
    'tell me something surprising about {topic}',
  ],
  topics: [
    ...['database indexes', 'sourdough bread', 'binary search', 'the French Revolution', 'jazz'],
    ...[
      'photosynthesis',
      'a write-ahead log',
      'compound interest',
      'home insulation',
      'chess openings',
    ],
    ...['public key cryptography', 'volcanoes', 'unit tests', 'electric cars', 'the Roman Senate'],
    ...['black holes', 'version control', 'tea ceremonies', 'full-text search', 'hash tables'],
    ...[
      'bird migration',
      'regular expressions',
      'solar panels',
      'marathon training',
      'virtual tables',
    ],
    ...['the stock market', 'watercolour painting', 'garbage collection', 'glaciers', 'sleep'],
  ],
  systems: [
    'You are a helpful assistant.',
    'Answer briefly.',
    'You are a careful teacher. Use plain language.',
    'You write for a technical audience.',
  ],
});

const lengths = [24, 32, 48, 64, 80, 100, 128, 150, 200, 256];

/** How often a canary has a system text, an earlier turn, and a sampling field, in 1/256. */
const systemShare = 90;
const turnShare = 50;
const fieldShare = 60;

/** Numbers from 0 to 2^32-1 that a seed of 32 bytes (hex) leads to. */
function createDraw(seed: Hex): () => number {
  const bytes = bytesFromHex(seed, 32);
  if (!bytes) throw new RangeError('expected a seed of 64 hex digits');
  let count = 0;
  return () => {
    count += 1;
    const [a = 0, b = 0, c = 0, d = 0] = sha256(concat(bytes, Uint8Array.of(count)));
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  };
}

/** The canary of a seed: 32 random bytes, hex. It is of the verifiable class. */
export function canaryRequestOf(
  seed: Hex,
  model: string,
  phrases: CanaryPhrases = publicPhrases,
): InferenceRequest {
  const draw = createDraw(seed);
  const oneOf = <T>(list: readonly T[]): T => list[draw() % list.length] as T;
  const happens = (share: number): boolean => draw() % 256 < share;
  const question = (): InferenceMessage => {
    const topic = oneOf(phrases.topics);
    const other = oneOf(phrases.topics.filter((one) => one !== topic));
    const content = oneOf(phrases.wordings).replace('{topic}', topic).replace('{other}', other);
    return { role: 'user', content };
  };
  const messages: InferenceMessage[] = [];
  if (happens(systemShare)) messages.push({ role: 'system', content: oneOf(phrases.systems) });
  if (happens(turnShare)) {
    messages.push(question(), { role: 'assistant', content: `Sure. ${oneOf(phrases.topics)}.` });
  }
  messages.push(question());
  return {
    ...{ model, messages, temperature: 0, maxTokens: oneOf(lengths) },
    topP: happens(fieldShare) ? oneOf([1, 0.95, 0.9]) : undefined,
    topK: undefined,
    seed: happens(fieldShare) ? draw() % 100_000 : undefined,
    ...{ stop: [], stream: true },
  };
}
