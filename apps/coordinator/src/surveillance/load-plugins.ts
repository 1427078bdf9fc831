/**
 * Detectors of the operator: `.mjs` files in the folder of the setting `surveillancePlugins`, each with a detector as its
 * default export. They run inside the coordinator with all its rights, so the folder is the operator's alone.
 *
 * A file that is broken is named in the status and left out; none may take the name of a detector of ours. What a plugin
 * says is checked against the form of alerts, and one that throws is switched off until the next start.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type Detector,
  defaultThresholds,
  detectors,
  noAlerts,
  type Threshold,
  type Watch,
} from '@aitbc/market';
import { AppError, zAlert } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';

/** What was found in the folder. */
export interface LoadedPlugins {
  readonly detectors: readonly Detector[];
  readonly broken: readonly { readonly file: string; readonly reason: string }[];
}

const pluginsMax = 32;

const namePattern = /^[a-z][a-z0-9-]{1,39}$/;

/** Loads all plugins of a folder; none for an empty name. Throws CONFIG_INVALID for a folder that cannot be read. */
export async function loadPlugins(folder: string, log: Log): Promise<LoadedPlugins> {
  const found: Detector[] = [];
  const broken: { file: string; reason: string }[] = [];
  for (const file of folder === '' ? [] : filesOf(folder)) {
    try {
      found.push(guarded(await load(join(folder, file), [...detectors, ...found]), log));
    } catch (error) {
      const reason = (error as Error).message.slice(0, 200);
      broken.push({ file, reason });
      log.warn({ file, reason }, 'a detector could not be loaded');
    }
  }
  return { detectors: found, broken };
}

function filesOf(folder: string): string[] {
  try {
    const files = readdirSync(folder).filter((name) => name.endsWith('.mjs'));
    return files.sort().slice(0, pluginsMax);
  } catch (error) {
    const reason = `surveillancePlugins: the folder ${folder} cannot be read`;
    throw new AppError('CONFIG_INVALID', { reason }, { cause: error });
  }
}

async function load(path: string, known: readonly Detector[]): Promise<Detector> {
  const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  const detector = detectorOf(module.default);
  if (known.some(({ name }) => name === detector.name)) {
    throw new Error(`the name ${detector.name} is taken`);
  }
  detector.create(defaultThresholds(detector));
  return detector;
}

/** The value as a detector. Throws with what it lacks. */
function detectorOf(value: unknown): Detector {
  const one = (value ?? {}) as Partial<Record<keyof Detector, unknown>>;
  const lacks = (what: string) => new Error(`its default export has no ${what}`);
  if (typeof one.name !== 'string' || !namePattern.test(one.name))
    throw lacks('name such as my-rule');
  if (typeof one.about !== 'string' || one.about === '') throw lacks('text `about`');
  if (!Array.isArray(one.watches) || one.watches.length === 0) throw lacks('list `watches`');
  if (typeof one.create !== 'function') throw lacks('function `create`');
  const rows = Object.values(one.thresholds ?? {}) as Partial<Threshold>[];
  const isWhole = rows.every(({ value: number }) => Number.isSafeInteger(number));
  if (!isWhole || typeof one.thresholds !== 'object')
    throw lacks('table `thresholds` of whole numbers');
  return value as Detector;
}

function guarded(detector: Detector, log: Log): Detector {
  const { name, about, watches, thresholds } = detector;
  return {
    ...{ name, about, watches, thresholds },
    create(values, options) {
      const watch = detector.create(values, options);
      let isBroken = false;
      const take: Watch['take'] = (event) => {
        if (isBroken) return noAlerts;
        try {
          return watch.take(event).map((alert) => checked(name, alert));
        } catch (error) {
          isBroken = true;
          log.error({ detector: name, err: error }, 'a detector broke and is off');
          return noAlerts;
        }
      };
      return { take, save: () => watch.save() };
    },
  };
}

function checked(name: string, alert: unknown) {
  const parsed = zAlert.parse(alert);
  if (parsed.pattern !== name) throw new Error(`it says alerts of ${parsed.pattern}`);
  return parsed;
}
