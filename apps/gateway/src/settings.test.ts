import { expect, it } from 'vitest';
import { startPaidGateway } from './testing/start-paid-gateway.ts';

it('waits for a provider that falls silent no longer than the settings say', async () => {
  const faults = { fail: { after: 5, how: 'stall' as const } };
  const argv = ['--stall-ms', '100', '--standby', '0'];
  const { openai, stop } = await startPaidGateway({ faults, argv });
  const beganMs = performance.now();
  const messages = [{ role: 'user' as const, content: 'hello' }];
  const answer = openai('none').chat.completions.create({ model: 'tiny', messages });
  await expect(answer).rejects.toMatchObject({ code: 'TIMEOUT' });
  expect(performance.now() - beganMs).toBeLessThan(4_000); // 5 s by default
  await stop();
});
