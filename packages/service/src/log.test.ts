import { expect, test } from 'vitest';
import { createLog } from './log.ts';

function capture(level = 'info') {
  const lines: string[] = [];
  const log = createLog({ name: 'sample', level, destination: { write: (l) => lines.push(l) } });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
}

test('a line is JSON with name, level, time, fields and message', () => {
  const { log, last } = capture();
  log.child({ part: 'store' }).info({ height: 7, amount: 5n }, 'block final');
  expect(last()).toMatchObject({
    name: 'sample',
    level: 'info',
    part: 'store',
    height: 7,
    msg: 'block final',
  });
});

test('secrets are masked three levels deep', () => {
  const { log, lines } = capture();
  log.error(
    { password: 'hunter2', a: { mnemonic: 'hunter2', b: { authorization: 'hunter2' } } },
    'x',
  );
  log.child({ token: 'hunter2' }).info('y');
  log.info({ a: { seed: 'hunter2', secretKey: 'hunter2' } }, 'z');
  expect(lines).toHaveLength(3);
  expect(lines.join('')).not.toContain('hunter2');
});

test('a line below the level is not written', () => {
  const { log, lines } = capture('warn');
  log.info('quiet');
  expect(lines).toEqual([]);
  expect(log.isLevelEnabled('info')).toBe(false);
});
