import { hex, sha256, utf8 } from '@aitbc/primitives';
import { readDialect, wireBodyOf } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { canaryRequestOf, publicPhrases } from './canary.ts';

const seedOf = (at: number) => hex(sha256(utf8(`canary ${at}`)));
const many = Array.from({ length: 2_000 }, (_, at) => canaryRequestOf(seedOf(at), 'tiny'));

describe('a canary', () => {
  it('is the same for the same seed and another for another', () => {
    expect(canaryRequestOf(seedOf(1), 'tiny')).toEqual(canaryRequestOf(seedOf(1), 'tiny'));
    const bodies = new Set(many.map((request) => JSON.stringify(wireBodyOf(request))));
    expect(bodies.size).toBeGreaterThan(1_900);
    expect(() => canaryRequestOf('07', 'tiny')).toThrow(RangeError);
  });

  it('is a request of the verifiable class that every provider takes', () => {
    for (const request of many) {
      const body = wireBodyOf(request);
      expect(request.temperature).toBe(0);
      expect(readDialect('openai', JSON.parse(JSON.stringify(body))).request).toEqual(request);
    }
  });

  it('has no field, length or turn that all canaries have in common', () => {
    const share = (holds: (request: (typeof many)[0]) => boolean) =>
      many.filter(holds).length / many.length;
    const shares = [
      share(({ messages }) => messages[0]?.role === 'system'),
      share(({ messages }) => messages.some(({ role }) => role === 'assistant')),
      share(({ topP }) => topP !== undefined),
      share(({ seed }) => seed !== undefined),
      share(({ maxTokens }) => maxTokens === 64),
    ];
    for (const part of shares) {
      expect(part).toBeGreaterThan(0.05);
      expect(part).toBeLessThan(0.5);
    }
  });

  it('leaves no place of a wording open, and is made of whatever phrases it is given', () => {
    for (const { messages } of many) {
      for (const { content } of messages) expect(content).not.toMatch(/[{}]/);
    }
    const phrases = {
      ...publicPhrases,
      topics: ['otters', 'tides'],
      wordings: ['{topic} {other}'],
    };
    const { messages } = canaryRequestOf(seedOf(3), 'tiny', phrases);
    expect(messages.at(-1)?.content).toMatch(/^(otters tides|tides otters)$/);
  });
});
