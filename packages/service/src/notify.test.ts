import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLog } from './log.ts';
import { createNotifier } from './notify.ts';

function told(env: Readonly<Record<string, string>>) {
  const words: string[][] = [];
  const warned: string[] = [];
  const log = createLog({
    name: 'test',
    level: 'warn',
    destination: { write: (line) => void warned.push(line) },
  });
  const failure = { error: null as Error | null };
  const notifier = createNotifier({
    ...{ env, log },
    carry(said, done) {
      words.push([...said]);
      done(failure.error);
    },
  });
  return { notifier, words, warned, failure };
}

afterEach(() => void vi.useRealTimers());

describe('systemd', () => {
  it('is told when a daemon is ready and when it stops', () => {
    const { notifier, words } = told({ NOTIFY_SOCKET: '/run/systemd/notify' });
    notifier.ready('serving http://127.0.0.1:1');
    notifier.stopping();
    expect(words).toEqual([['READY=1', 'STATUS=serving http://127.0.0.1:1'], ['STOPPING=1']]);
  });

  it('gets a sign of life twice in each watchdog time, until the end', () => {
    vi.useFakeTimers();
    const { notifier, words } = told({ NOTIFY_SOCKET: '@x', WATCHDOG_USEC: '4000' });
    notifier.ready('');
    vi.advanceTimersByTime(10);
    notifier.stopping();
    vi.advanceTimersByTime(100);
    expect(words.filter(([word]) => word === 'WATCHDOG=1')).toHaveLength(5);
    expect(words.at(-1)).toEqual(['STOPPING=1']);
  });

  it('is nobody without its socket', () => {
    const { notifier, words } = told({ WATCHDOG_USEC: '4000' });
    notifier.ready('');
    notifier.stopping();
    expect(words).toEqual([]);
  });

  it('that cannot be told is a warning, not an end', () => {
    const { notifier, warned, failure } = told({ NOTIFY_SOCKET: '@x' });
    failure.error = new Error('no such program');
    notifier.ready('');
    expect(warned.join('')).toContain('systemd was not told');
  });
});
