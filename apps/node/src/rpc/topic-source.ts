import { accountOf, channelOf, mandateOf, partsOfKey } from '@aitbc/chain';
import { channelToJson, mandateToJson } from '@aitbc/protocol';
import type { ChainView } from '../chain/chain-view.ts';
import type { Store } from '../storage/store.ts';
import { accountToJson, finalStatus } from './json-forms.ts';
import type { TopicSource } from './topics.ts';

/** What subscriptions read: the final chain and the present state, as JSON texts. */
export function createTopicSource(chain: ChainView, store: Store): TopicSource {
  return {
    headHeight: chain.headHeight,
    firstHeight: chain.firstHeight,
    blockJson(height) {
      const { hash, header } = chain.blockAt(height);
      return JSON.stringify({ hash, header });
    },
    txCount: chain.txCount,
    statusJson: (height, index) => JSON.stringify(finalStatus(chain.blockAt(height), index)),
    placeOf: chain.placeOf,
    touched: (height) => [...chain.blockAt(height).touched.keys()],
    touchedIndex: (height, key) => chain.blockAt(height).touched.get(key),
    entryJson(key) {
      const { kind, id } = partsOfKey(key);
      if (kind === 'account') return JSON.stringify(accountToJson(id, accountOf(store, id)));
      if (kind === 'mandate') {
        const mandate = mandateOf(store, id);
        return JSON.stringify(mandate ? mandateToJson(mandate) : null);
      }
      const channel = kind === 'channel' ? channelOf(store, id) : undefined;
      return JSON.stringify(channel ? channelToJson(channel) : null);
    },
    receiverOf: (channelId) => channelOf(store, channelId)?.receiver,
  };
}
