import { describe, expect, it } from 'vitest';
import { chatPartOf } from '../openai/openai-wire.ts';
import { countOf, fieldsOf, listOf, textOf } from './message-fields.ts';

describe('fields of a message', () => {
  it('are empty where they are left out or null', () => {
    for (const value of [undefined, null]) {
      expect(fieldsOf(value, 'a')).toEqual({});
      expect([listOf(value, 'a'), textOf(value, 'a')]).toEqual([undefined, undefined]);
      expect(() => countOf(value, 'a')).toThrow('a wrong shape at a');
    }
  });

  it.each([
    ['the message', 'text'],
    ['choices', { choices: 'none' }],
    ['choices.0.delta', { choices: [{ delta: 7 }] }],
    ['choices.0.delta.content', { choices: [{ delta: { content: 7 } }] }],
    ['choices.0.logprobs.content', { choices: [{ logprobs: { content: {} } }] }],
    ['usage.prompt_tokens', { usage: { completion_tokens: 1 } }],
    ['usage.completion_tokens', { usage: { prompt_tokens: 1, completion_tokens: -1 } }],
    ['error', { error: 7 }],
  ])('of a wrong type are named: %s', (place, message) => {
    expect(() => chatPartOf(message)).toThrow(`a message has a wrong shape at ${place}`);
  });
});
