/** Decoders that no package exports: from the build here, from source in tests. */
const root = new URL('../../', import.meta.url);
const places = {
  envelope: ['packages/bus', 'core/envelope'],
  streamReader: ['packages/sdk', 'buyer/stream-reader'],
  configValue: ['packages/service', 'config/parse-value'],
  record: ['apps/node', 'storage/journal/record'],
  segment: ['apps/node', 'storage/journal/segment'],
  mark: ['apps/node', 'storage/journal/mark'],
  inspect: ['apps/node', 'storage/journal/inspect'],
  frames: ['apps/node', 'mesh/link/frames'],
  receiptRows: ['apps/node', 'storage/receipt-rows'],
  database: ['apps/node', 'storage/database'],
  snapshots: ['apps/node', 'storage/snapshots/snapshots'],
  trustedBlock: ['apps/node', 'sync/trusted-block'],
  peerList: ['apps/node', 'setup/peer-list'],
  nodeKeyFile: ['apps/node', 'setup/key-file'],
  nodeGenesisFile: ['apps/node', 'setup/genesis-file'],
  thresholds: ['apps/coordinator', 'surveillance/read-thresholds'],
  lineReader: ['apps/provider', 'engines/http/line-reader'],
  openaiWire: ['apps/provider', 'engines/openai/openai-wire'],
  ollamaWire: ['apps/provider', 'engines/ollama/ollama-wire'],
  rocmSmi: ['apps/provider', 'inventory/rocm-smi'],
  nvidiaXml: ['apps/provider', 'inventory/nvidia-xml'],
  nvidiaCsv: ['apps/provider', 'inventory/nvidia-csv'],
  amdSmi: ['apps/provider', 'inventory/amd-smi'],
  apple: ['apps/provider', 'inventory/apple'],
  benchmarkFile: ['apps/provider', 'benchmark/benchmark-file'],
  keystore: ['apps/wallet', 'keys/keystore'],
  proofFile: ['cli', 'receipt/read-proof'],
  tomlLines: ['cli', 'config/toml-lines'],
  configFile: ['cli', 'config/config-file'],
  trained: ['cli', 'trading/trained'],
  workFile: ['cli', 'trading/work-file'],
  backupManifest: ['cli', 'backup/manifest'],
  pluginRoots: ['cli', 'plugin/plugin-roots'],
  cliGenesisFile: ['cli', 'chain/genesis-file'],
};

/** Loads them; `kind` is `dist` or `src`. */
export async function loadInternals(kind) {
  const ending = kind === 'src' ? 'ts' : 'js';
  const loaded = Object.entries(places).map(async ([name, [owner, path]]) => [
    name,
    await import(new URL(`${owner}/${kind}/${path}.${ending}`, root).href),
  ]);
  return Object.fromEntries(await Promise.all(loaded));
}
