/** The bus of the settings. Its package is loaded only where one is set: peer-to-peer costs memory. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bus } from '@aitbc/bus';
import {
  bytesFromHex,
  type Clock,
  hex,
  type KeyPair,
  keyPairFromSeed,
  randomBytes,
  seedBytes,
} from '@aitbc/primitives';
import { AppError, type Network } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { CoordinatorConfig } from '../config.ts';

/** Settings of the bus. */
export type BusSettings = Pick<
  CoordinatorConfig,
  'dataDir' | 'bus' | 'busUser' | 'busPassword' | 'busCaFile' | 'busListen' | 'busPeers'
>;

const ownerOnly = 0o600;

/** Throws CONFIG_INVALID unless `bus` is empty, `direct`, or an address of Redis that the CA file fits. */
export function assertBus({ bus, busCaFile }: Pick<BusSettings, 'bus' | 'busCaFile'>): void {
  if (busCaFile !== undefined && !bus.startsWith('rediss://')) {
    const reason = 'busCaFile is for TLS, so bus must be rediss://<host>:<port>';
    throw new AppError('CONFIG_INVALID', { reason });
  }
  const isRedis = /^rediss?:\/\/./.test(bus) && URL.canParse(bus);
  if (bus === '' || bus === 'direct' || (isRedis && new URL(bus).password === '')) return;
  const reason = isRedis
    ? 'bus holds a password that others can see; set AITBC_COORDINATOR_BUS_PASSWORD instead'
    : 'bus must be redis://<host>:<port>, rediss://<host>:<port>, direct, or empty';
  throw new AppError('CONFIG_INVALID', { reason });
}

/** A bus that does not run yet. */
export async function openBus(
  settings: BusSettings,
  network: Network,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<Bus> {
  const { createBus, createDirectCarrier, createRedisCarrier } = await import('@aitbc/bus');
  const { bus: url, busListen: listen, busPeers: peers } = settings;
  const keys = busKeyIn(settings.dataDir);
  if (url !== 'direct') {
    const carrier = createRedisCarrier({ network, keys, url, ...redisLogin(settings) }, deps);
    return createBus({ network, keys, carrier }, deps);
  }
  const carrier = createDirectCarrier({ network, keys, listen, peers }, deps);
  const bus = createBus({ network, keys, carrier }, deps);
  return {
    ...bus,
    async start() {
      await bus.start();
      deps.log.info({ addresses: carrier.addresses() }, 'others reach this bus here');
    },
  };
}

/** Who we are to Redis, and how we know it. Throws CONFIG_INVALID for a file that cannot be read. */
function redisLogin({ busUser: username, busPassword: password, busCaFile }: BusSettings) {
  return {
    ...(username && { username }),
    ...(password && { password }),
    ...(busCaFile !== undefined && { caPem: readCa(busCaFile) }),
  };
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = `busCaFile ${path} cannot be read`;
    throw new AppError('CONFIG_INVALID', { reason }, { cause: error });
  }
}

/** Key of the folder, made when there is none. Throws STORE_CORRUPT. */
function busKeyIn(dataDir: string): KeyPair {
  const path = join(dataDir, 'bus.key');
  try {
    writeFileSync(path, `${hex(randomBytes(seedBytes))}\n`, { flag: 'wx', mode: ownerOnly });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
  }
  const seed = bytesFromHex(readFileSync(path, 'utf8').trim(), seedBytes);
  if (!seed) throw new AppError('STORE_CORRUPT', { what: path, reason: 'it holds no key' });
  return keyPairFromSeed(seed);
}
