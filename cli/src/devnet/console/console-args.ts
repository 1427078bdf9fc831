/** What the daemons of a devnet are told so that the web console can pay at its gateway and kill its providers. */
import { join } from 'node:path';
import type { ProviderClient } from '@aitbc/sdk';
import type { ProviderName } from '../daemon-name.ts';
import type { Fleet } from '../fleet.ts';
import { type Control, openControl } from './control.ts';

/** What the switch needs of a devnet. */
export interface SwitchDeps {
  readonly fleet: Pick<Fleet, 'kill' | 'restart'>;
  /** Those that were started so far. */
  providers(): ReadonlyMap<ProviderName, ProviderClient>;
}

/** The switch of the console, for the providers that run when it is used. */
export function openSwitch(home: string, { fleet, providers }: SwitchDeps): Promise<Control> {
  return openControl<ProviderName>(fileOf(home), {
    ...{ kill: fleet.kill, restart: fleet.restart },
    async nameOf(address) {
      for (const [name, client] of providers()) {
        const status = await client.status({}).catch(() => undefined); // one that is down sells nothing
        if (status?.provider === address) return name;
      }
      return undefined;
    },
  });
}

/** For the coordinator. */
export function pageArgs(home: string, gatewayUrl: string): string[] {
  return ['--console-gateway', gatewayUrl, '--console-devnet-control-file', fileOf(home)];
}

/** For the gateway: the coordinator's pages by both names of this machine. */
export function originArgs(coordinatorUrl: string): string[] {
  const other = coordinatorUrl.replace('127.0.0.1', 'localhost');
  return ['--console-origins', `${coordinatorUrl},${other}`];
}

function fileOf(home: string): string {
  return join(home, 'console-control.url');
}
