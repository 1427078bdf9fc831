/** Stock clients as they come from npm, each buying for real: through the gateway, and from the provider by x402. */
import { networkFromHash } from '@aitbc/protocol';
import { createTransferClient } from '@aitbc/x402';

const prompt = 'What is an index?';
const messages = [{ role: 'user', content: prompt }];
const most = 12; // output tokens of each call

/** Rows: what was called with which package, and what came. */
export async function runClients(tools, given) {
  const world = { ...given, ...(await loadStock(tools)) };
  const rows = [];
  for (const { name, what, call } of [
    ...openAiCalls(world),
    ...anthropicCalls(world),
    ...ollamaCalls(world),
    ...vercelCalls(world),
    ...mcpCalls(world),
    ...x402Calls(world),
  ]) {
    let said = 'ok';
    try {
      const problem = problemOf(await call());
      if (problem) said = problem;
    } catch (error) {
      said = String(error?.message ?? error).slice(0, 300);
    }
    rows.push({ name, version: tools.versionOf(name), what, isGood: said === 'ok', said });
  }
  return rows;
}

async function loadStock({ load }) {
  const [openai, anthropic, ollama, ai, compatible, mcp, x402] = await Promise.all(
    [
      ...['openai', '@anthropic-ai/sdk', 'ollama', 'ai', '@ai-sdk/openai-compatible'],
      ...['@modelcontextprotocol/client', '@x402/fetch'],
    ].map(load),
  );
  const classes = { OpenAI: openai.default, Anthropic: anthropic.default, Ollama: ollama.Ollama };
  return { ...classes, ai, compatible, mcp, x402 };
}

/** A call gives what must be text, or a list that must not be empty. */
function problemOf(value) {
  if (typeof value === 'string') return value.length > 0 ? undefined : 'the text is empty';
  if (Array.isArray(value)) return value.length > 0 ? undefined : 'the list is empty';
  return `neither text nor list: ${JSON.stringify(value)?.slice(0, 200)}`;
}

async function joined(stream, textOf) {
  let text = '';
  for await (const part of stream) text += textOf(part) ?? '';
  return text;
}

function openAiCalls({ OpenAI, gatewayUrl, model }) {
  const openai = new OpenAI({ apiKey: 'none', baseURL: `${gatewayUrl}/v1`, maxRetries: 0 });
  const body = { model, messages, max_tokens: most };
  const name = 'openai';
  return [
    {
      name,
      what: 'chat.completions',
      call: async () => (await openai.chat.completions.create(body)).choices[0].message.content,
    },
    {
      name,
      what: 'chat.completions, streaming',
      call: async () =>
        joined(
          await openai.chat.completions.create({ ...body, stream: true }),
          ({ choices }) => choices[0]?.delta.content,
        ),
    },
    {
      name,
      what: 'completions',
      call: async () =>
        (await openai.completions.create({ model, prompt, max_tokens: most })).choices[0].text,
    },
    {
      name,
      what: 'responses',
      call: async () =>
        (await openai.responses.create({ model, input: prompt, max_output_tokens: most }))
          .output_text,
    },
    {
      name,
      what: 'responses, streaming',
      call: async () =>
        joined(
          await openai.responses.create({
            model,
            input: prompt,
            max_output_tokens: most,
            stream: true,
          }),
          ({ type, delta }) => (type === 'response.output_text.delta' ? delta : ''),
        ),
    },
    {
      name,
      what: 'embeddings',
      call: async () =>
        (await openai.embeddings.create({ model, input: ['one', 'two'] })).data[1].embedding,
    },
    { name, what: 'models.list', call: async () => (await openai.models.list()).data },
  ];
}

function anthropicCalls({ Anthropic, gatewayUrl, model }) {
  const anthropic = new Anthropic({ apiKey: 'none', baseURL: gatewayUrl, maxRetries: 0 });
  const body = { model, messages, max_tokens: most };
  const name = '@anthropic-ai/sdk';
  return [
    {
      name,
      what: 'messages',
      call: async () => (await anthropic.messages.create(body)).content[0].text,
    },
    {
      name,
      what: 'messages, streaming',
      call: () => anthropic.messages.stream(body).finalText(),
    },
    { name, what: 'models.list', call: async () => (await anthropic.models.list()).data },
  ];
}

function ollamaCalls({ Ollama, gatewayUrl, model }) {
  const ollama = new Ollama({ host: gatewayUrl });
  const options = { num_predict: most };
  const name = 'ollama';
  return [
    {
      name,
      what: 'chat',
      call: async () => (await ollama.chat({ model, messages, options })).message.content,
    },
    {
      name,
      what: 'chat, streaming',
      call: async () =>
        joined(
          await ollama.chat({ model, messages, options, stream: true }),
          ({ message }) => message.content,
        ),
    },
    {
      name,
      what: 'generate, streaming',
      call: async () =>
        joined(
          await ollama.generate({ model, prompt, options, stream: true }),
          ({ response }) => response,
        ),
    },
    {
      name,
      what: 'embed',
      call: async () => (await ollama.embed({ model, input: ['one', 'two'] })).embeddings[1],
    },
    {
      name,
      what: 'list, ps',
      call: async () => [...(await ollama.list()).models, ...(await ollama.ps()).models],
    },
    {
      name,
      what: 'show (capabilities of what is sold)',
      call: async () => (await ollama.show({ model })).capabilities.join(),
    },
  ];
}

function vercelCalls({ ai, compatible, gatewayUrl, model: id }) {
  const { generateText, streamText } = ai;
  const aitbc = compatible.createOpenAICompatible({ name: 'aitbc', baseURL: `${gatewayUrl}/v1` });
  const model = aitbc(id);
  const name = 'ai';
  return [
    {
      name,
      what: 'generateText, by @ai-sdk/openai-compatible',
      call: async () => (await generateText({ model, prompt, maxOutputTokens: most })).text,
    },
    {
      name,
      what: 'streamText, by @ai-sdk/openai-compatible',
      call: async () =>
        joined(streamText({ model, prompt, maxOutputTokens: most }).textStream, (text) => text),
    },
  ];
}

function mcpCalls({ mcp, gatewayUrl, model }) {
  const { Client, StreamableHTTPClientTransport } = mcp;
  const name = '@modelcontextprotocol/client';
  const withClient = async (work) => {
    const client = new Client({ name: 'conformance', version: '0' });
    await client.connect(new StreamableHTTPClientTransport(new URL(`${gatewayUrl}/mcp`)));
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  };
  return [
    {
      name,
      what: 'tools/list',
      call: () => withClient(async (client) => (await client.listTools()).tools),
    },
    {
      name,
      what: 'tools/call chat',
      call: () =>
        withClient(async (client) => {
          const args = { model, prompt, max_tokens: most };
          const { isError, content } = await client.callTool({ name: 'chat', arguments: args });
          if (isError) throw new Error(content[0].text);
          return content[0].text;
        }),
    },
  ];
}

function x402Calls({ OpenAI, Ollama, x402, providerUrl, coordinatorUrl, stranger, model }) {
  const { wrapFetchWithPayment, x402Client } = x402;
  const name = '@x402/fetch';
  const pay = async () => {
    const about = await (await fetch(`${coordinatorUrl}/v1/about`)).json();
    const network = networkFromHash(about.network, about.genesisHash);
    const scheme = createTransferClient({ network, secretKey: stranger });
    const client = new x402Client().register('aitbc:*', scheme);
    const allowed = { network: about.caip2, asset: 'native', maxAmountPerPayment: '100000000' };
    client.setSpendControls({ allowedAssets: [allowed] });
    return wrapFetchWithPayment(scheme.guard(fetch), client);
  };
  return [
    {
      name,
      what: 'openai at the provider, one signed transfer a call',
      call: async () => {
        const baseURL = `${providerUrl}/v1`;
        const openai = new OpenAI({ apiKey: 'none', baseURL, maxRetries: 0, fetch: await pay() });
        const answer = await openai.chat.completions.create({ model, messages, max_tokens: most });
        return answer.choices[0].message.content;
      },
    },
    {
      name,
      what: 'ollama at the provider, streaming, one signed transfer a call',
      call: async () => {
        const ollama = new Ollama({ host: providerUrl, fetch: await pay() });
        const body = { model, messages, options: { num_predict: most }, stream: true };
        return joined(await ollama.chat(body), ({ message }) => message.content);
      },
    },
  ];
}
