/**
 * Tells a forge which review a change needs: a commit status `rings`, and labels `ring-0` … `ring-3` on the pull request.
 * Speaks the part of the API that GitHub and Gitea share; both set the same variables in their actions.
 *
 * The status is `success` for rings that may be merged on green tests, `failure` when Ring 0's law did not move with its
 * code, and `pending` for Ring 0 otherwise: a person has to look. GitHub takes labels by name; Gitea takes ids, so
 * they are looked up, and made when they are new.
 */

const COLORS = ['b60205', 'd93f0b', 'fbca04', '0e8a16'];
const CONTEXT = 'rings';

/** What the status of a commit says: `{ state, description, context }`. */
export function statusOf({ strictest, specMissing }) {
  const context = CONTEXT;
  if (strictest === undefined) return { context, state: 'success', description: 'nothing changed' };
  const state = specMissing ? 'failure' : strictest.ring === 0 ? 'pending' : 'success';
  const law = specMissing
    ? 'the spec did not change and no commit says `Spec: none, because …`'
    : '';
  return { context, state, description: (law || strictest.review).slice(0, 140) };
}

/** The variables of an action that are needed, or what is missing. */
export function forgeOf(env) {
  const { GITHUB_API_URL: api, GITHUB_REPOSITORY: repository, GITHUB_TOKEN: token } = env;
  const [sha, number] = [env.RINGS_SHA ?? env.GITHUB_SHA, env.RINGS_PULL_REQUEST];
  const missing = Object.entries({
    GITHUB_API_URL: api,
    GITHUB_REPOSITORY: repository,
    GITHUB_TOKEN: token,
    RINGS_SHA: sha,
  })
    .filter(([, value]) => !value)
    .map(([name]) => name);
  if (missing.length > 0) throw new Error(`cannot tell the forge: ${missing.join(', ')} not set`);
  return {
    base: `${api}/repos/${repository}`,
    token,
    sha,
    number,
    isGitea: env.GITEA_ACTIONS === 'true',
  };
}

/** Sets the status and, for a pull request, the labels. Throws when the forge refuses. */
export async function postReview(review, forge) {
  const { sha, number, isGitea } = forge;
  await call(forge, `POST /statuses/${sha}`, statusOf(review));
  if (!number) return;
  const names = review.rings.map(({ ring }) => `ring-${ring}`);
  const labels = isGitea ? await labelIds(forge, names) : names;
  await dropOthers(forge, names);
  await call(forge, `POST /issues/${number}/labels`, { labels });
}

/** Labels of an earlier push that are not true any more. */
async function dropOthers(forge, names) {
  const { number, isGitea } = forge;
  const present = await call(forge, `GET /issues/${number}/labels`);
  for (const { id, name } of present) {
    if (!/^ring-[0-3]$/.test(name) || names.includes(name)) continue;
    await call(forge, `DELETE /issues/${number}/labels/${isGitea ? id : name}`);
  }
}

async function labelIds(forge, names) {
  const known = await call(forge, `GET /labels?limit=50`);
  const ids = [];
  for (const name of names) {
    const color = `#${COLORS[Number(name.at(-1))]}`;
    const label =
      known.find((one) => one.name === name) ??
      (await call(forge, `POST /labels`, { name, color }));
    ids.push(label.id);
  }
  return ids;
}

async function call({ base, token }, line, body) {
  const [method = '', path = ''] = line.split(' ');
  const url = `${base}${path}`;
  const response = await fetch(url, {
    method,
    headers: { authorization: `token ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok)
    throw new Error(`${method} ${url} answered ${response.status}: ${text.slice(0, 200)}`);
  return text === '' ? undefined : JSON.parse(text);
}
