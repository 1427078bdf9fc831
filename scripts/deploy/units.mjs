/**
 * The systemd units, made from one table: five daemons differ in a few lines and share what keeps them in their place.
 *
 *   node scripts/deploy/units.mjs            writes deploy/systemd/
 *   node scripts/deploy/units.mjs --print aitbc-node.service
 *
 * A test holds the folder against the table, `systemd-analyze verify` against systemd, and its security score below 2.5.
 *
 * Each daemon runs as a user of its own that exists only while it runs (DynamicUser), sees a read-only system, writes its
 * state folder and nothing else, and gets secrets as credentials that no other process can read. Not used:
 * MemoryDenyWriteExecute (V8 compiles at run time) and ProcSubset=pid (Node reads the number of cores from /proc).
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../run-command.mjs';
import { isMain } from '../setup.mjs';

const FOLDER = join(ROOT, 'deploy/systemd');
const HOME = '/opt/aitbc/current';
const CONFIG = '/etc/aitbc';

/** Room for young objects where answers flow; see nodeFlagsOf of the CLI. */
const YOUNG = ' --max-semi-space-size=32';

/** What is different in each. Memory is what it may use at most, for one machine that runs all five. */
const DAEMONS = {
  node: {
    about: 'chain node (Brother Chain)',
    needs: [`${CONFIG}/genesis.json`],
    credentials: { 'validator-key': 'AITBC_NODE_KEY_FILE' },
    environment: { AITBC_NODE_GENESIS_FILE: `${CONFIG}/genesis.json` },
    memory: '4G',
    tasks: 128,
  },
  wallet: {
    about: 'wallet daemon',
    after: ['node'],
    loopbackOnly: true,
    memory: '1G', // argon2id takes 64 MiB for each password that is tried
    tasks: 64,
  },
  coordinator: { about: 'coordinator', after: ['node'], memory: '2G', tasks: 128, netlink: true },
  provider: {
    about: 'AI provider',
    after: ['node', 'coordinator'],
    flags: YOUNG,
    memory: '4G',
    tasks: 256,
  },
  gateway: {
    about: "buyer's gateway",
    after: ['node', 'coordinator', 'wallet'],
    credentials: { 'wallet-token': 'AITBC_GATEWAY_WALLET_TOKEN_FILE' },
    flags: YOUNG,
    memory: '1G',
    tasks: 64,
  },
};

/** Holds for every daemon. A stop takes ten seconds at most, then the daemon ends itself. */
const LIFE = `Type=notify
NotifyAccess=all
WatchdogSec=60
TimeoutStartSec=120
TimeoutStopSec=20
Restart=on-failure
RestartSec=2
KillMode=mixed
SyslogIdentifier=%N`;

const WALLS = `DynamicUser=yes
StateDirectoryMode=0700
UMask=0077
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM`;

/** Every file of the folder: name → text. */
export function unitFiles() {
  const units = Object.entries(DAEMONS).map(([name, row]) => [
    `aitbc-${name}.service`,
    service(name, row),
  ]);
  return Object.fromEntries([...units, ['aitbc.target', target()]]);
}

function service(name, row) {
  const { about, after = [], needs = [], credentials = {}, environment = {}, flags = '' } = row;
  const upper = name.toUpperCase();
  const config = `${CONFIG}/${name}.toml`;
  const others = after.map((other) => `aitbc-${other}.service`);
  const variables = {
    NODE_ENV: 'production',
    [`AITBC_${upper}_DATA_DIR`]: `%S/aitbc-${name}`,
    ...environment,
    ...Object.fromEntries(Object.entries(credentials).map(([file, key]) => [key, `%d/${file}`])),
  };
  return `# Made by scripts/deploy/units.mjs. Your own settings: ${config}, or systemctl edit aitbc-${name}
[Unit]
Description=AITBC ${about}
Documentation=file://${HOME}/docs/operations.md
Wants=network-online.target
After=${['network-online.target', ...others].join(' ')}
PartOf=aitbc.target
${[config, ...needs].map((path) => `ConditionPathExists=${path}`).join('\n')}
StartLimitIntervalSec=10min
StartLimitBurst=10

[Service]
ExecStart=/usr/bin/env node${flags} ${HOME}/apps/${name}/dist/daemon/main.js --config ${config}
ExecReload=/bin/kill -HUP $MAINPID
${LIFE}
StateDirectory=aitbc-${name}
WorkingDirectory=%S/aitbc-${name}
${Object.entries(variables)
  .map(([key, value]) => `Environment=${key}=${value}`)
  .join('\n')}
${Object.keys(credentials)
  .map((file) => `LoadCredential=${file}:${CONFIG}/credentials/${file}\n`)
  .join('')}MemoryMax=${row.memory}
TasksMax=${row.tasks}
LimitNOFILE=65536

${WALLS}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6${row.netlink ? ' AF_NETLINK' : ''}
${row.loopbackOnly ? 'IPAddressDeny=any\nIPAddressAllow=localhost\n' : ''}
[Install]
WantedBy=aitbc.target
`;
}

function target() {
  return `# Made by scripts/deploy/units.mjs. All daemons of this machine: systemctl start aitbc.target
[Unit]
Description=AITBC: all daemons of this machine
Documentation=file://${HOME}/docs/operations.md

[Install]
WantedBy=multi-user.target
`;
}

/** Writes the folder anew. */
function write() {
  mkdirSync(FOLDER, { recursive: true });
  const files = unitFiles();
  for (const old of readdirSync(FOLDER)) if (!(old in files)) rmSync(join(FOLDER, old));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(FOLDER, name), text);
  console.log(`wrote ${Object.keys(files).length} files to ${FOLDER}`);
}

if (isMain(import.meta.url)) {
  const [flag, name] = process.argv.slice(2);
  if (flag === '--print') process.stdout.write(unitFiles()[name ?? ''] ?? 'no such unit\n');
  else write();
}
