/** What every queue stores for a job: the size of a small chat request with its payment. */
const body = JSON.stringify({
  model: 'qwen3:8b',
  messages: [{ role: 'user', content: 'x'.repeat(150) }],
});
const payment = 'p'.repeat(600);

/** Data of a job. */
export function dataOf(number) {
  return { number, body, payment };
}

/** What a worker may store as the end of a job. */
export const result = {
  answer: { choices: [{ message: { content: 'y'.repeat(150) } }] },
  receipt: { payload: { text: 'r'.repeat(700) }, signature: 's'.repeat(128) },
};
