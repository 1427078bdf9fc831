/** `mppx validate` before provider and gateway: discovery, 402s, x402 payloads. */

const mark = /^\s*([✓✗⚠○])\s+(.*)$/;

/** Lines of the tool by heading, for both daemons. */
export async function runMppx(tools, urls) {
  const results = [];
  for (const daemon of ['provider', 'gateway']) {
    const { text } = await tools.run([tools.bin('mppx'), 'validate', urls[daemon]]);
    results.push({ daemon, ...read(text) });
  }
  return { version: tools.versionOf('mppx'), results };
}

function read(text) {
  let heading = 'discovery';
  const lines = [];
  for (const line of text.split('\n')) {
    const [, endpoint] = /^((?:POST|GET) \S+)\s*$/.exec(line) ?? [];
    heading = endpoint ?? heading;
    const [, sign, said] = mark.exec(line) ?? [];
    if (sign) lines.push({ heading, sign, said });
  }
  const x402 = lines.filter(({ sign, said }) => sign === '✓' && said.includes('valid x402 v2'));
  return {
    passed: lines.filter(({ sign }) => sign === '✓').length,
    mute: lines.filter(({ sign }) => sign === '○').length,
    payments: x402.map(({ heading: endpoint }) => endpoint),
    failed: lines
      .filter(({ sign }) => sign === '✗')
      .map(({ heading: at, said }) => `${at}: ${said}`),
    warned: lines.filter(({ sign }) => sign === '⚠').map(({ said }) => said),
  };
}
