/**
 * Makes a network of containers ready to be used: coins for the providers' bonds, an account in the wallet that is open, a
 * scoped token for the gateway. Runs at each start beside the wallet; what is there already stays.
 *
 * The password of the account lies beside its keystore: this is for development.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const { NODE_URL, PROVIDER_URLS = '', WALLET_URL = 'http://127.0.0.1:8015' } = process.env;
const passwordFile = '/data/development.password';
const tokenFile = '/credentials/wallet-token';
const accountFile = '/credentials/account';
const label = 'development';
const enoughNait = 200_000_000_000n; // 200 AIT: a bond is 100
const perDayNait = '1000000000000';
const unlockMs = 30 * 24 * 3_600_000;

const adminToken = readFileSync('/data/admin.token', 'utf8').trim();

async function call(url, { method = 'POST', body, token } = {}) {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

async function rpc(method, params) {
  const answer = await call(NODE_URL, { body: { jsonrpc: '2.0', id: 1, method, params } });
  if (answer.error) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
  return answer.result;
}

const wallet = (path, options = {}) =>
  call(`${WALLET_URL}${path}`, { ...options, token: adminToken });

async function fund(who, address) {
  const { balance } = await rpc('state_getAccount', { address });
  if (BigInt(balance) >= enoughNait) return console.log(`${who} has ${balance} nait`);
  const { txId } = await rpc('dev_faucet', { address });
  for (;;) {
    const { status } = await rpc('tx_get', { txId });
    if (status === 'final') break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  console.log(`${who} got coins: ${address}`);
}

async function openAccount() {
  if (!existsSync(passwordFile)) {
    writeFileSync(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600 });
  }
  const password = readFileSync(passwordFile, 'utf8');
  const { accounts } = await wallet('/v1/accounts', { method: 'GET' });
  const known = accounts.find((account) => account.label === label);
  const { address } = known ?? (await wallet('/v1/accounts', { body: { label, password } }));
  await wallet(`/v1/accounts/${address}/unlock`, { body: { password, timeoutMs: unlockMs } });
  if (!existsSync(tokenFile)) {
    const scopes = {
      accounts: [address],
      kinds: ['vault_deposit', 'channel_fund'],
      amountPerDay: perDayNait,
    };
    const { token } = await wallet('/v1/tokens', { body: { label: 'gateway', scopes } });
    writeFileSync(tokenFile, token, { mode: 0o600 });
  }
  writeFileSync(accountFile, address);
  return address;
}

const address = await openAccount();
await fund('the account of the gateway', address);
for (const url of PROVIDER_URLS.split(',').filter(Boolean)) {
  const { provider } = await call(`${url}/v1/status`, { method: 'GET' });
  await fund(url, provider);
}
