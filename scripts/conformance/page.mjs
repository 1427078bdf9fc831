/** The page of results: what was run, with which version, what it said, and why what fails fails. */

const row = (...cells) =>
  `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
const mark = (isGood) => (isGood ? 'passes' : '**fails**');

/** docs/conformance.md. */
export function pageOf(results) {
  const { date, nodes, mcp, inspector, mppx, prism, clients } = results;
  return `${[
    '# Conformance',
    `What foreign tools say of a devnet of real processes (one validator, one provider with the built-in model, one gateway), on
${date}. Written by \`node scripts/conformance/run.mjs\`; the tools are installed into a temporary folder and
run there by Node ${nodes.tools}, ours by Node ${nodes.ours}.`,
    clientsPart(clients),
    mcpPart(mcp, inspector),
    mppxPart(mppx),
    prismPart(prism),
  ].join('\n\n')}\n`;
}

/** True when nothing failed but what cannot pass. */
export function isAllGood({ mcp, inspector, mppx, prism, clients }) {
  return (
    clients.every(({ isGood }) => isGood) &&
    mcp.every(({ ours }) => ours.length === 0) &&
    inspector.isGood &&
    mppx.results.every(({ failed }) => failed.every(isExpectedOfMppx)) &&
    (prism?.rows.every(({ isGood }) => isGood) ?? true)
  );
}

function clientsPart(clients) {
  return [
    '## Stock clients',
    '',
    'Each call buys for real.',
    '',
    row('Package', 'Version', 'Called', 'Result'),
    '|---|---|---|---|',
    ...clients.map(({ name, version, what, isGood, said }) =>
      row(`\`${name}\``, version, what, isGood ? 'passes' : `**fails**: ${said}`),
    ),
  ].join('\n');
}

function mcpPart(mcp, inspector) {
  const suites = mcp.flatMap(({ title, version, passed, scenarios, whole, ours, reasons }) => [
    `### \`@modelcontextprotocol/conformance\` ${version}: ${title}`,
    '',
    `${passed} checks pass; ${whole.length} of ${scenarios} scenarios pass whole: ${whole.join(', ')}.`,
    '',
    ours.length === 0 ? 'No failure of ours.' : `**Failures of ours:**\n\n- ${ours.join('\n- ')}`,
    '',
    row('Why scenarios cannot pass', 'Scenarios with such checks'),
    '|---|---|',
    ...[...reasons].map(([reason, names]) => row(reason, [...names].sort().join(', '))),
    '',
  ]);
  const tools = inspector.names.join(', ');
  return [
    '## MCP at `/mcp` of the gateway',
    '',
    ...suites,
    `### \`@modelcontextprotocol/inspector\` ${inspector.version}`,
    '',
    `\`tools/list\` and \`tools/call spend_limits\` by its command line: ${mark(inspector.isGood)}${inspector.isGood ? '' : `: ${inspector.text}`}. Tools: ${tools}.`,
  ].join('\n');
}

const isExpectedOfMppx = (line) => line.startsWith('POST /v1/payments/resume');

function mppxPart({ version, results }) {
  const parts = results.map(({ daemon, passed, mute, payments, failed, warned }) => [
    `**${daemon}**: ${passed} checks pass, ${mute} do not apply. ${
      payments.length === 0
        ? 'It asks for no payment itself.'
        : `Valid x402 payloads: ${payments.map((name) => `\`${name}\``).join(', ')}.`
    }`,
    ...failed.map(
      (line) =>
        `- fails: ${line}${isExpectedOfMppx(line) ? '. As it should: the tool makes a body up, and without a real past there is no price.' : ''}`,
    ),
    ...warned.map((line) => `- warns: ${line}`),
  ]);
  return [
    `## \`mppx validate\` ${version}`,
    '',
    ...parts.map((lines) => `${lines.join('\n')}\n`),
    'No endpoint is one of MPP: there is no `WWW-Authenticate: Payment` header, by intent.',
  ].join('\n');
}

function prismPart(prism) {
  const head = "## Ollama's OpenAPI file through Prism";
  if (!prism)
    return `${head}\n\nNot run: no npm package brings the file. Name one with \`--ollama-openapi FILE\`.`;
  return [
    head,
    '',
    `\`@stoplight/prism-cli\` ${prism.version} as a proxy with \`--errors\`; \`docs/openapi.yaml\` of ollama/ollama, version ${prism.of}. Whole answers
only: Prism does not judge streams.`,
    '',
    row('Call', 'Result'),
    '|---|---|',
    ...prism.rows.map(({ name, isGood, said }) =>
      row(`\`${name}\``, isGood ? 'passes' : `**fails**: ${said}`),
    ),
  ].join('\n');
}
