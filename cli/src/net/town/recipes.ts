/** The words that each daemon of a town is started with. */
import { join } from 'node:path';
import type { Place } from '../contract.ts';
import type { Layout } from './layout.ts';

/** Arguments by daemon. */
export interface Recipes {
  node(name: string): string[];
  wallet(): string[];
  coordinator(name: string): string[];
  /** `publicUrl` stands in offers in place of the address listened on. */
  provider(name: string, publicUrl: string | undefined): string[];
  gateway(name: string): string[];
  wrapperOf(name: string): readonly string[];
}

/** Claims and audits come often, so that a short run sees many. */
const claimThresholdNait = 100_000;
const auditDutyMs = 10_000;
const auditRateBps = 8_000;
const stallMs = 3_000;
const needVoucherWaitMs = 3_000;

/** The words for a layout; `nodeUrlFor` names the node of each daemon. */
export function recipesOf(layout: Layout, nodeUrlFor: (name: string) => string): Recipes {
  const { facts } = layout;
  const coordinatorUrl = (at: number): string => facts.coordinators[at]?.url ?? '';
  const base = ({ name, url, dataDir }: Place): string[] => [
    ...['--host', new URL(url).hostname, '--port', new URL(url).port, '--data-dir', dataDir],
    ...(name.startsWith('node') ? [] : ['--node-url', nodeUrlFor(name)]),
  ];
  const one = <T extends Place>(list: readonly T[], name: string): T => {
    const place = list.find((known) => known.name === name);
    if (!place) throw new RangeError(`${name} is not in this town`);
    return place;
  };
  return {
    node: (name) => [...base(one(facts.nodes, name)), ...nodeArgs(layout, name)],
    wallet: () => [...base(facts.wallet), '--kdf-memory-kib', '8192', '--kdf-passes', '1'],
    coordinator: (name) => [
      ...base(one(facts.coordinators, name)),
      ...['--audit-rate-bps', `${auditRateBps}`, '--audit-duty-ms', `${auditDutyMs}`],
      ...['--surveillance-public-sources', layout.chain.firstHolders.join()],
      ...(facts.redisUrl ? ['--bus', facts.redisUrl] : []),
    ],
    provider(name, publicUrl) {
      const place = one(facts.providers, name);
      return [
        ...base(place),
        ...['--coordinator-url', coordinatorUrl(place.coordinator), '--name', name],
        ...['--audits', place.isVerifiable ? 'on' : 'off'],
        ...['--claim-threshold', `${claimThresholdNait}`],
        ...['--need-voucher-wait-ms', `${needVoucherWaitMs}`],
        ...(publicUrl ? ['--public-url', publicUrl] : []),
      ];
    },
    gateway(name) {
      const place = one(facts.gateways, name);
      return [
        ...base(place),
        ...['--coordinator-url', coordinatorUrl(place.coordinator)],
        ...['--wallet-url', facts.wallet.url, '--account', place.keys.address],
        ...['--wallet-token-file', join(facts.home, `${name}.token`)],
        ...['--stall-ms', `${stallMs}`, '--allow-private', '--share-audits'],
      ];
    },
    wrapperOf(name) {
      const at = facts.nodes.findIndex((node) => node.name === name);
      return layout.lines.places[at]?.wrapper ?? [];
    },
  };
}

function nodeArgs({ facts, chain, lines, meshPorts, names }: Layout, name: string): string[] {
  const own = facts.nodes.findIndex((node) => node.name === name);
  const peers = facts.nodes.flatMap(({ keys }, at) =>
    at === own ? [] : [`${keys.accountId}@${lines.addressOf(own, at)}`],
  );
  return [
    ...[
      '--genesis-file',
      chain.genesisFile,
      '--key-file',
      chain.keyFileOf(names.nodes[own] as 'node'),
    ],
    ...['--mesh-host', lines.places[own]?.meshHost ?? '127.0.0.1'],
    ...(peers.length === 0 ? [] : ['--mesh-port', `${meshPorts[own]}`, '--peers', peers.join()]),
  ];
}
