/** Shares of stake as people read them. */
import { amountOf } from '@aitbc/protocol';

/** `12.5 %` of two amounts, rounded down; `0.0 %` of nothing. */
export function percentOf(partNait: string, wholeNait: string): string {
  const whole = amountOf(wholeNait);
  const thousandths = whole === 0n ? 0n : (amountOf(partNait) * 1000n) / whole;
  return `${thousandths / 10n}.${thousandths % 10n} %`;
}
