/** The parts that watch the market for abuse, made and joined. See docs/spec/market.md, "Surveillance". */
import { join } from 'node:path';
import { detectors } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import type { surveillanceEndpoints } from '@aitbc/protocol';
import type { Handlers, Log } from '@aitbc/service';
import type { ChainLink } from '../chain/chain-link.ts';
import type { BlockFollower } from '../chain/follow-blocks.ts';
import type { CoordinatorConfig } from '../config.ts';
import type { Store } from '../store/store.ts';
import { openAdminToken } from './admin-token.ts';
import { createAlertHandlers } from './alert-handlers.ts';
import { createAlertWatch } from './alert-watch.ts';
import { followFacts } from './follow-facts.ts';
import { type LoadedPlugins, loadPlugins } from './load-plugins.ts';
import { readThresholds } from './read-thresholds.ts';
import { createDetectorRun } from './run-detectors.ts';

/** What the parts are made of. */
export interface SurveillanceDeps {
  readonly store: Pick<Store, 'events' | 'facts' | 'alerts' | 'patrols' | 'isAlone'>;
  readonly chain: Pick<ChainLink, 'network'>;
  readonly follower: Pick<BlockFollower, 'listen'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Settings of surveillance. */
export type SurveillanceSettings = Pick<
  CoordinatorConfig,
  'dataDir' | 'surveillancePlugins' | 'surveillanceThresholds' | 'surveillancePublicSources'
>;

/** Everything about surveillance. */
export interface SurveillanceParts {
  handlers<C>(): Handlers<typeof surveillanceEndpoints, C>;
  /** Loads plugins and what the detectors remember. Throws CONFIG_INVALID, CONFIG_UNKNOWN_KEY. */
  load(): Promise<void>;
  /** Lets the detectors read what is new. */
  round(): Promise<void>;
  /** Deletes what is kept no longer. */
  prune(): Promise<void>;
  /** Ends the streams and stores what the detectors remember. */
  stop(): Promise<void>;
}

const factsKeptMs = 30 * 24 * 3_600_000; // as long as events
const factsPruned = 10_000;
const alertsKeptMs = 180 * 24 * 3_600_000;
const alertsPruned = 500;

/** Parts that have not read anything yet. */
export function createSurveillanceParts(
  config: SurveillanceSettings,
  deps: SurveillanceDeps,
): SurveillanceParts {
  const { store, chain, follower, clock, log } = deps;
  const { events, facts, alerts, patrols, isAlone } = store;
  const watch = createAlertWatch();
  const adminToken = openAdminToken(join(config.dataDir, 'admin.token'));
  const run = createDetectorRun({
    ...{ stream: { events, facts }, alerts, patrols, isAlone, clock, log },
    elapsedMs: () => performance.now(),
    onAlerts: watch.poke,
  });
  let plugins: LoadedPlugins = { detectors: [], broken: [] };
  follower.listen(followFacts({ rows: facts, log, network: () => chain.network() }));
  return {
    handlers: () =>
      createAlertHandlers({ alerts, run, watch, clock, adminToken, plugins: () => plugins }),
    async load() {
      plugins = await loadPlugins(config.surveillancePlugins, log);
      const all = [...detectors, ...plugins.detectors];
      const values = readThresholds(all, config.surveillanceThresholds);
      const members = all.map((detector) => ({
        ...{ detector, thresholds: values.get(detector.name) ?? {} },
        publicSources: config.surveillancePublicSources,
        isPlugin: plugins.detectors.includes(detector),
      }));
      await run.load(members);
    },
    async round() {
      await run.round();
      if (!isAlone) watch.poke();
    },
    async prune() {
      const nowMs = clock.nowMs();
      await facts.prune(nowMs - factsKeptMs, factsPruned);
      await alerts.prune(nowMs - alertsKeptMs, alertsPruned);
    },
    async stop() {
      watch.close();
      await run.stop();
    },
  };
}
