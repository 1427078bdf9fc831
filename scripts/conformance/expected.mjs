/** Why a check of the MCP conformance suites cannot pass here. What fits no row is a failure of ours. */

const fixture = 'wants a fixture tool of its own, which a gateway that spends coins does not offer';
const none = (what) => `the gateway offers no ${what}, and declares none`;

/** First match counts: pattern of the check's id, pattern of its message, reason. */
const rows = [
  [/./, /Tool '?[\w]+'? not found/, fixture],
  [
    /^sep-2322|^sep-2575|^sep-2663|^tasks-/,
    /Prerequisite failed|Not testable|fixture from|no task was created/,
    fixture,
  ],
  [/^sep-2243/, /no tool with x-mcp-header/, fixture],
  [/^sep-2322-multi-round|^sep-2322-missing-response/, /./, fixture],
  [/^sep-2322-ignore-unexpected-params/, /not found/, fixture],
  [/^sep-2322-non-tool/, /Method not found/, none('prompts')],
  [/^sep-2663-server-returns-missing-capability/, /failing_job/, fixture],
  [/^sep-2663|^tasks-/, /./, none('tasks (an extension)')],
  [/prompts/, /Method not found/, none('prompts')],
  [/resources|^sep-2164/, /./, none('resources')],
  [/^completion/, /Method not found/, none('completions')],
  [/logging/, /Method not found/, none('log messages')],
  [/tools-list-changed/, /./, 'the list of tools never changes'],
];

/** The reason, or undefined for a failure of ours. */
export function reasonFor(id, message) {
  return rows.find(([ids, messages]) => ids.test(id) && messages.test(message))?.[2];
}
