/** Thresholds of the operator: `self-dealing.receiptsMin=20`, in the setting `surveillanceThresholds`. */
import { type Detector, defaultThresholds } from '@aitbc/market';
import { AppError, type ThresholdValues } from '@aitbc/protocol';
import { nearestName } from '@aitbc/service';

/** Thresholds of each detector by its name. Throws CONFIG_INVALID, CONFIG_UNKNOWN_KEY. */
export function readThresholds(
  detectors: readonly Detector[],
  settings: readonly string[],
): ReadonlyMap<string, ThresholdValues> {
  const all = new Map(
    detectors.map((one) => [one.name, { ...defaultThresholds(one) } as Record<string, number>]),
  );
  const known = [...all].flatMap(([name, values]) =>
    Object.keys(values).map((threshold) => `${name}.${threshold}`),
  );
  for (const setting of settings) {
    const [, pattern = '', threshold = '', text = ''] =
      /^([^.=\s]+)\.([^.=\s]+)=(\d+)$/.exec(setting.trim()) ?? [];
    if (text === '') {
      const reason = `surveillanceThresholds: ${setting} is not <pattern>.<threshold>=<whole number>`;
      throw new AppError('CONFIG_INVALID', { reason });
    }
    const key = `${pattern}.${threshold}`;
    const values = all.get(pattern);
    if (!values || !known.includes(key)) {
      const nearest = nearestName(key, known) ?? known[0] ?? '';
      throw new AppError('CONFIG_UNKNOWN_KEY', { key, nearest });
    }
    values[threshold] = Number(text);
  }
  return all;
}
