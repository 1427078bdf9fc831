import { auditFunds, channelOf, mandateOf, providerOf, supplyOf, validatorOf } from '@aitbc/chain';
import {
  accountIdOf,
  addressOf,
  type ChannelState,
  channelToJson,
  type Hex,
  limits,
  mandateToJson,
  unwrap,
} from '@aitbc/protocol';
import { providerToJson } from '../json-forms.ts';
import { validatorToJson } from '../work-forms.ts';
import { badRequest, type Handlers, type MethodDeps } from './deps.ts';

type ListHandlers = Pick<
  Handlers,
  | 'state_listChannels'
  | 'state_listProviders'
  | 'state_listMandates'
  | 'state_listValidators'
  | 'state_audit'
>;

/** Methods that walk many entries. */
export function listMethods(deps: MethodDeps): ListHandlers {
  const { store } = deps;
  return {
    state_listChannels: ({ payer, receiver, after }) => {
      const address = payer ?? receiver;
      if (address === undefined || (payer !== undefined && receiver !== undefined)) {
        throw badRequest('give payer or receiver, one of them');
      }
      const role = payer === undefined ? 'receiver' : 'payer';
      const party = unwrap(accountIdOf(address));
      const { page, next } = pageOf(store.channelsOf({ role, party, after, limit: pageLimit }));
      const channels = page
        .map((id) => channelOf(store, id))
        .filter((row): row is ChannelState => row !== undefined);
      return { channels: channels.map(channelToJson), next };
    },
    state_listProviders: ({ after }) => {
      const afterId = after === undefined ? undefined : unwrap(accountIdOf(after));
      const { page, next } = pageOf(
        store.keysOf({ letter: 'p', after: afterId, limit: pageLimit }),
      );
      const providers = page.flatMap((id) => {
        const provider = providerOf(store, id);
        return provider ? [providerToJson(id, provider)] : [];
      });
      return { providers, next: next && addressOf(next) };
    },
    state_listMandates: ({ owner, subKey, after }) => {
      if ((owner === undefined) === (subKey === undefined)) {
        throw badRequest('give owner or subKey, one of them');
      }
      const party = unwrap(accountIdOf((owner ?? subKey) as string));
      const { page, next } = pageOf(
        store.keysOf({ letter: 'm', after, limit: mandatesSeen + 1 }),
        mandatesSeen,
      );
      const mandates = page.flatMap((id) => {
        const mandate = mandateOf(store, id);
        const named = owner === undefined ? mandate?.subKey : mandate?.owner;
        return mandate && named === party ? [mandateToJson(mandate)] : [];
      });
      return { mandates, next };
    },
    state_listValidators: ({ after }) => {
      const { page, next } = pageOf(store.keysOf({ letter: 'v', after, limit: pageLimit }));
      const validators = page.flatMap((id) => {
        const validator = validatorOf(store, id);
        return validator ? [validatorToJson(id, validator)] : [];
      });
      return { validators, next };
    },
    state_audit: () => auditOf(deps),
  };
}

/** One more than a page, to see whether there is another. */
export const pageLimit = limits.pageSize + 1;

/** Mandates looked through in one call: they have no index by party, and most are somebody else's. */
const mandatesSeen = 1_000;

/** A page of ids and the id to go on after, null at the end. */
export function pageOf(
  ids: readonly Hex[],
  size: number = limits.pageSize,
): { page: readonly Hex[]; next: Hex | null } {
  const page = ids.slice(0, size);
  return { page, next: ids.length > page.length ? (page[page.length - 1] as Hex) : null };
}

function auditOf({ opened, live, store }: MethodDeps): ReturnType<ListHandlers['state_audit']> {
  const genesisSupply = supplyOf(opened.genesis);
  const { header } = live.head();
  const audit = auditFunds(store.entries(), header.timeMs);
  const problems = [...audit.problems];
  if (audit.supply + audit.burned !== genesisSupply) {
    problems.push('the supply and what was burned are not the supply of genesis');
  }
  return {
    height: header.height,
    supply: audit.supply.toString(),
    genesisSupply: genesisSupply.toString(),
    balances: audit.balances.toString(),
    vaults: audit.vaults.toString(),
    channels: audit.channels.toString(),
    bonds: audit.bonds.toString(),
    stakes: audit.stakes.toString(),
    tasks: audit.tasks.toString(),
    audits: audit.audits.toString(),
    burned: audit.burned.toString(),
    problems: problems.slice(0, limits.pageSize),
  };
}
