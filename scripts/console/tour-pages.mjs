/** Every page of the web console with what it needs to have something to show; and a browser to see them with. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

// The browser driver is a dependency of the tests.
const { chromium } = createRequire(new URL('../../test/package.json', import.meta.url))(
  'playwright-core',
);

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** A browser of the system, or of AITBC_CHROMIUM. */
export function openBrowser(options = {}) {
  const named = process.env.AITBC_CHROMIUM;
  const executablePath = (named ? [named] : PLACES).find((path) => existsSync(path));
  if (!executablePath) throw new Error('no Chromium: apt-get install chromium');
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args, ...options });
}

/**
 * Pages by name. `facts` comes from `factsOf`.
 * @returns {Record<string, string>}
 */
export function pagesOf({ jobId, provider, payer, height, txId, channelId }) {
  return {
    explorer: '/explorer',
    block: `/explorer/block/${height}`,
    transaction: `/explorer/tx/${txId}`,
    account: `/explorer/account/${payer}`,
    channel: `/explorer/channel/${channelId}`,
    validators: '/validators',
    market: '/market',
    jobs: '/jobs',
    job: `/jobs/${jobId}`,
    providers: '/providers',
    provider: `/providers/${provider}`,
    surveillance: '/surveillance',
    agents: '/agents',
    tasks: '/tasks',
    mandates: '/mandates',
    receipt: `/receipt?job=%22${jobId}%22`,
    overview: '/',
    playground: '/playground',
  };
}

/** Buys some answers, settles them, and says what there is to look at. */
export async function factsOf({ coordinator, gateway }, answers = 6) {
  const { data } = await json(`${coordinator}/v1/models`);
  const model = data[0].id;
  let bought;
  for (let at = 0; at < answers; at += 1)
    bought = await buy(gateway, model, QUESTIONS[at % QUESTIONS.length]);
  const { payer, channels } = await json(`${gateway}/v1/aitbc/spend`);
  const full = await blockWithTxs(coordinator);
  const block = await rpc(coordinator, 'chain_getBlock', { height: full.header.height });
  return {
    ...{ model, payer, jobId: bought.jobId, provider: bought.provider },
    ...{
      height: full.header.height,
      txId: block.receipts[0]?.txId,
      channelId: channels[0].channelId,
    },
  };
}

/** The newest block that is no heartbeat. */
async function blockWithTxs(coordinator) {
  for (let from; ; ) {
    const page = await rpc(coordinator, 'chain_listBlocks', { limit: 100, ...(from && { from }) });
    const found = page.blocks.find(({ txCount }) => txCount > 0);
    if (found) return found;
    if (page.next === null) throw new Error('no block of this chain holds a transaction');
    from = page.next;
  }
}

const QUESTIONS = ['What is a view?', 'How do I add an index?', 'When should I run ANALYZE?'];

async function buy(gateway, model, content) {
  const body = { model, max_tokens: 120, messages: [{ role: 'user', content }] };
  const answer = await fetch(`${gateway}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  await answer.text();
  return {
    jobId: answer.headers.get('x-aitbc-job'),
    provider: answer.headers.get('x-aitbc-provider'),
  };
}

async function json(url) {
  return (await fetch(url)).json();
}

async function rpc(coordinator, method, params) {
  const answer = await fetch(`${coordinator}/v1/chain`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  return (await answer.json()).result;
}
