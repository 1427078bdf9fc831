/** All targets that run in this process, without a network. */
import * as protocol from '@aitbc/protocol';
import { byteTargets } from '../byte-targets.mjs';
import { journalTargets } from '../journal-targets.mjs';
import { jsonTargets } from '../json-targets.mjs';
import { schemaTargets } from '../schemas/schema-targets.mjs';
import { dialectTargets } from './dialect-targets.mjs';
import { documentTargets } from './document-targets.mjs';
import { machineTargets } from './machine-targets.mjs';
import { messageTargets } from './message-targets.mjs';
import { proofTargets } from './proof-targets.mjs';
import { scalarTargets } from './scalar-targets.mjs';
import { storageTargets } from './storage-targets.mjs';
import { streamTargets } from './stream-targets.mjs';

/** `undo` gets the steps that remove temporary folders. */
export function decoderTargets(corpus, internals, undo) {
  return [
    ...byteTargets(corpus, internals),
    ...jsonTargets(corpus),
    ...journalTargets(corpus, internals),
    ...scalarTargets(corpus),
    ...documentTargets(corpus),
    ...proofTargets(corpus),
    ...messageTargets(corpus),
    ...streamTargets(corpus, internals),
    ...dialectTargets(),
    ...storageTargets(corpus, internals, undo),
    ...machineTargets(corpus, internals),
    ...schemaTargets(protocol, 'schema', samplesOf()),
  ];
}

function samplesOf() {
  const card = protocol.makeAgentCard({
    ...{ address: protocol.addressOf('11'.repeat(32)), name: 'Ada', description: 'Finds names.' },
    ...{ url: 'http://127.0.0.1:8000/a', skills: [] },
  });
  return { zAgentCard: [card], zAgentInterface: card.supportedInterfaces };
}
