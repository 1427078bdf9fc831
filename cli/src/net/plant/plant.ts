/** A planted bug in the daemons of a town: which environment they get, and whether they really have it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@aitbc/protocol';
import { programOf } from '../../devnet/daemon-name.ts';
import { modulesEntryOf } from '../../devnet/daemon-process.ts';
import { builtUrl } from '../town/built.ts';
import type { PlantOrder } from './plant-hooks.ts';
import { type Plant, plants } from './plants.ts';

/** The bug of a run. */
export interface Planted {
  readonly plant: Plant;
  /** How the daemon of this name is started, as modules; undefined when it stays as it is. */
  startFor(name: string): PlantedStart | undefined;
  /** Throws CONFIG_INVALID when no daemon had the bug: the run says nothing then. */
  assertDone(): void;
}

/** Entry and environment of a daemon with a bug. */
export interface PlantedStart {
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Prepares a bug by its name. Throws CLI_USAGE for a name that is not in the list. */
export function preparePlant(name: string, home: string): Planted {
  const plant = plants.find((one) => one.name === name);
  if (!plant) {
    throw new AppError('CLI_USAGE', { reason: `There is no bug ${name}` });
  }
  const [orderFile, doneFile] = [join(home, 'plant.json'), join(home, 'plant.done')];
  const { module, find, replace } = plant;
  const order: PlantOrder = { module, find, replace, doneFile };
  writeFileSync(orderFile, JSON.stringify(order));
  writeFileSync(doneFile, '');
  return {
    plant,
    startFor(daemon) {
      if (programOf(daemon as 'node') !== plant.program) return undefined;
      const preload = `--import ${builtUrl('plant/plant-preload.js')}`;
      return {
        entry: modulesEntryOf(plant.program),
        env: { AITBC_NET_PLANT_FILE: orderFile, NODE_OPTIONS: preload },
      };
    },
    assertDone() {
      if (readFileSync(doneFile, 'utf8') !== '') return;
      throw new AppError('CONFIG_INVALID', {
        reason: `the bug ${name} was in no daemon: ${module} was never loaded`,
      });
    },
  };
}
