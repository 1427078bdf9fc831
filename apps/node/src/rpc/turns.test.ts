import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createTurns } from './turns.ts';

/** Holds the loop; a piece of work that costs what it says. */
function burn(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

describe('turns of the event loop', () => {
  it('runs a piece at once while the turn has time left', async () => {
    const turns = createTurns();
    let isDone = false;
    const work = turns.run(async () => {
      isDone = true;
      return 7;
    });
    expect(isDone).toBe(true);
    expect(await work).toBe(7);
  });

  it('leaves what is too much to later turns, in the order it came', async () => {
    const turns = createTurns({ sliceMs: 4 });
    const done: number[] = [];
    const all = Array.from({ length: 12 }, (_, at) =>
      turns.run(async () => {
        burn(1);
        done.push(at);
      }),
    );
    const heldUp: number[] = [];
    for (let lastMs = performance.now(); done.length < 12; lastMs = performance.now()) {
      await nextTurn();
      heldUp.push(performance.now() - lastMs);
    }
    await Promise.all(all);
    expect(done).toEqual([...done.keys()]);
    expect(heldUp.length, 'turns that others had meanwhile').toBeGreaterThanOrEqual(2);
  });

  it('counts the work of all callers together', async () => {
    const turns = createTurns({ sliceMs: 2 });
    await Promise.all([turns.run(async () => burn(3)), Promise.resolve()]);
    let isDone = false;
    const late = turns.run(async () => {
      isDone = true;
    });
    expect(isDone).toBe(false);
    await late;
    expect(isDone).toBe(true);
  });

  it('does not count what a piece waits for', async () => {
    const turns = createTurns({ sliceMs: 2 });
    const slow = turns.run(() => nextTurn(3));
    let isDone = false;
    await turns.run(async () => {
      isDone = true;
    });
    expect(isDone).toBe(true);
    expect(await slow).toBe(3);
  });

  it('hands a failure to its caller alone', async () => {
    const turns = createTurns({ sliceMs: 1 });
    void turns.run(async () => burn(2));
    const failing = turns.run(async () => {
      throw new Error('no');
    });
    const other = turns.run(async () => 1);
    await expect(failing).rejects.toThrow('no');
    expect(await other).toBe(1);
  });

  it('refuses when too many wait', async () => {
    const turns = createTurns({ sliceMs: 1, waitingMax: 2 });
    const [, ...waiting] = [1, 2, 3].map(() => turns.run(async () => burn(2)));
    await expect(turns.run(async () => {})).rejects.toMatchObject({
      code: 'MEMPOOL_FULL',
      facts: { count: 2 },
    });
    await Promise.all(waiting);
  });
});
