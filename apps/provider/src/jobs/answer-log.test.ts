import { describe, expect, it, vi } from 'vitest';
import { type AnswerEnd, type AnswerEvent, createAnswerLog } from './answer-log.ts';

const text = (value: string, tokens = 1): AnswerEvent => ({ type: 'text', text: value, tokens });
const end: AnswerEvent = { type: 'end', end: { outcome: 'complete' } as AnswerEnd };

describe('the log of an answer', () => {
  it('replays what was said, then goes on, and joins texts at the end', () => {
    const log = createAnswerLog(() => {});
    log.append(text('a'));
    const events: AnswerEvent[] = [];
    log.follow({ onEvent: (event) => events.push(event) });
    log.append(text('b'));
    log.append(end);
    expect(events).toEqual([text('a'), text('b'), end]);
    const late: AnswerEvent[] = [];
    log.follow({ onEvent: (event) => late.push(event) });
    expect(late).toEqual([text('ab', 2), end]);
  });

  it('tells its owner when the last reader leaves early, not after the end', () => {
    const onAbandoned = vi.fn();
    const log = createAnswerLog(onAbandoned);
    const [first, second] = [log.follow({ onEvent() {} }), log.follow({ onEvent() {} })];
    first();
    expect(onAbandoned).not.toHaveBeenCalled();
    second();
    second();
    expect(onAbandoned).toHaveBeenCalledTimes(1);
    const ended = createAnswerLog(onAbandoned);
    const leave = ended.follow({ onEvent() {} });
    ended.append(end);
    leave();
    expect(onAbandoned).toHaveBeenCalledTimes(1);
  });

  it('lets a producer go on, to its end, at once when the only reader leaves full', async () => {
    const log = createAnswerLog(() => {});
    const leave = log.follow({ onEvent() {}, isFull: () => true });
    const room = log.room(60_000);
    leave();
    expect(await room).toBe(true);
  });

  it('holds the producer while every reader is full, and gives up after a time', async () => {
    const log = createAnswerLog(() => {});
    expect(log.room(1)).toBe(true);
    let full = true;
    log.follow({ onEvent() {}, isFull: () => full });
    const waiting = log.room(5_000);
    full = false;
    log.drained();
    expect(await waiting).toBe(true);
    full = true;
    expect(await log.room(1)).toBe(false);
    log.follow({ onEvent() {} });
    expect(log.room(1)).toBe(true);
  });
});
