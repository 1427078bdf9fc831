/**
 * Three agents. The planner asks the others what they can do and what it costs, buys a plan, hires the researcher for notes and
 * the writer for a text. The others answer letters, take tasks, buy what they need, and are paid when the planner approves.
 */
import { hex } from '@aitbc/primitives';

const answerMs = 30_000;
const maxTokens = 48;

/** Buys an answer and notes the bill. */
async function buy({ agent, bills, model }, prompt) {
  const messages = [{ role: 'user', content: prompt }];
  const answer = await agent.chat({ model, messages, maxTokens, temperature: 0 });
  bills.push(...answer.parts);
  return answer.text.trim();
}

/** A worker: one skill at one price. Answers the question of a letter, and does the tasks. */
export async function startWorker(role, { skill, priceNait, promptOf }) {
  const { agent } = role;
  agent.on('message', async (message) => {
    if (message.json?.ask !== 'offer') return;
    await message.reply({ json: { skill, priceNait: priceNait.toString() } });
  });
  const work = async ({ spec }) => {
    const text = await buy(role, promptOf(spec.text));
    return text === '' ? '(the model said nothing)' : text;
  };
  return agent.serve(skill, work, { minRewardNait: priceNait });
}

/** Asks a worker for its offer, by letter. */
async function askOffer(agent, worker) {
  const { promise, resolve, reject } = withResolvers();
  const stop = agent.on('message', (message) => {
    if (message.from === worker && message.json?.skill) resolve(message.json);
  });
  const timer = setTimeout(() => reject(new Error(`${worker} does not answer`)), answerMs);
  try {
    await agent.send(worker, { json: { ask: 'offer' } });
    const { skill, priceNait } = await promise;
    return { skill: String(skill), priceNait: BigInt(priceNait) };
  } finally {
    clearTimeout(timer);
    stop();
  }
}

/** Plans, hires, approves. Returns what was made and by whom. */
export async function runPlanner(role, { goal, researcher, writer, tell }) {
  const { agent, keys } = role;
  const [research, writing] = [await askOffer(agent, researcher), await askOffer(agent, writer)];
  tell(`offers: ${research.skill} for ${research.priceNait} nait, ${writing.skill} for ${writing.priceNait} nait`);
  const plan = await buy(role, `Make a plan in three steps: ${goal}`);
  tell('a plan was bought');
  const hire = async (offer, worker, text) => {
    const spec = { title: `${offer.skill}: ${goal}`.slice(0, 100), skill: offer.skill, text };
    const sealTo = [hex(keys.publicKey)];
    const judge = (result) => result.length > 0 || 'the result is empty';
    const wish = { spec: { ...spec, sealTo }, rewardNait: offer.priceNait, worker, judge };
    const done = await agent.hire({ ...wish, withinMs: 120_000, reviewMs: 120_000 });
    tell(`${offer.skill}: ${done.outcome}`);
    return done;
  };
  const notes = await hire(research, researcher, `${goal}\n\nPlan: ${plan}`);
  const article = await hire(writing, writer, `${goal}\n\nNotes: ${notes.text ?? ''}`);
  return { plan, notes, article };
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
