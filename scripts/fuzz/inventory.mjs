/**
 * Is a decoder or an endpoint forgotten? The functions that the sources export under the name of a reader are listed, and so
 * are routes and tables; each must have a target, or a line here that says why it needs none.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folders = ['packages', 'apps', 'cli'];
const named =
  /^export (?:async )?(?:function|const) ((?:decode|parse|read|verify)[A-Z]\w*|\w+From(?:Text|Json|Bytes|Hex|Base64|Utf8|Header|Address)|create\w*Reader)\b/gm;
const routed =
  /\b(?:app|scope)\.(?:get|post|put|patch|delete|all|head|options)\(\s*['"`]([^'"`$]+)['"`]|\burl: '(\/[^']*)'/g;

/** What targets with names of their own read. */
export const coveredElsewhere = {
  verifyOffer: 'offer',
  verifyReceipt: 'receipt',
  decodePayment: 'paymentHeader',
  decodePaymentHeader: 'paymentHeader',
  readBatches: 'journal records',
  readSegment: 'journal inspect',
  readMarks: 'journal inspect',
  verifyChunk: 'decodeChunk',
  recordFromJson: 'txBodyFromJson',
  createReader: 'decodeTx',
};

/** Names that look like readers and read nothing of strangers, by the reason. */
export const noDecoders = {
  'asks a daemon or the chain by a typed client, whose answers are schemas that are fuzzed': [
    ...['createChainReader', 'createEntryReader', 'createMarketReader', 'readTasks', 'readMetrics'],
    ...[
      'readStream',
      'readTransaction',
      'readVectors',
      'readJobs',
      'readProviderBooks',
      'readText',
    ],
  ],
  'joins readers that are fuzzed by themselves': [
    ...['readJob', 'readPayment', 'readProof', 'createLinkReader', 'readInventory', 'verifyText'],
    ...['verifyProof', 'parseInput', 'readChunk', 'readTextFile'],
  ],
  'reads what this user or this daemon wrote, in a folder that only it may open': [
    ...['readAdminToken', 'readAgentKey', 'readDevnetFile', 'readDocument', 'readGatewayKey'],
    ...['readKeyPair', 'readRun', 'readWalletToken', 'readWebhookKey', 'readBuyer'],
  ],
  'reads a person at a terminal': ['readEndKeys', 'readPassword'],
  'is no reader': ['parseErrorAnswer', 'readHereMs', 'readMethods', 'verifyDetached'],
};

function* sourcesIn(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!['node_modules', 'dist', 'testing', 'vectors'].includes(entry.name))
        yield* sourcesIn(path);
    } else if (/\.tsx?$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name)) yield path;
  }
}

/** Names of exported readers, with the file of the first of each name, and literal routes of daemons. */
export function listSources() {
  const readers = new Map();
  const routes = new Map();
  for (const path of folders.flatMap((folder) => [...sourcesIn(join(root, folder))])) {
    const text = readFileSync(path, 'utf8');
    const at = path.slice(root.length);
    for (const [, name] of text.matchAll(named)) if (!readers.has(name)) readers.set(name, at);
    if (at.startsWith('cli/') || at.includes('/console/src/')) continue;
    for (const [, first, second] of text.matchAll(routed)) routes.set(first ?? second, at);
  }
  return { readers, routes };
}

/** Readers without a target and without a reason, as `name (file)`. */
export function forgottenReaders(targets) {
  const names = new Set(targets.map(({ name }) => name));
  const covered = new Set(targets.flatMap(({ name, covers = [] }) => [name, ...covers]));
  const excused = new Set(Object.values(noDecoders).flat());
  return [...listSources().readers]
    .filter(([name]) => !covered.has(name) && !excused.has(name))
    .filter(([name]) => !names.has(coveredElsewhere[name]))
    .map(([name, file]) => `${name} (${file})`);
}

/** Names of the lists above that no source has any more. */
export function staleNames() {
  const { readers } = listSources();
  const listed = [...Object.values(noDecoders).flat(), ...Object.keys(coveredElsewhere)];
  return listed.filter((name) => !readers.has(name));
}
