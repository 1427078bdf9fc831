/** `aitbc gateway mcp`: the gateway's tools over standard input and output, for an agent's host. */
import { spawn } from 'node:child_process';
import { AppError } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { entryOf } from '../../devnet/daemon-process.ts';

export default defineCommand({
  summary: 'Tools of the running gateway for one agent, over standard input and output (MCP)',
  details:
    'An agent’s host starts this by itself: list_models, quote, chat, embed, wallet_balance, spend_limits, job_status. A gateway with API keys needs one in AITBC_GATEWAY_KEY. Over HTTP the same tools are at /mcp of the gateway.',
  examples: [
    { line: 'aitbc gateway mcp', note: 'as the command of an MCP server in a host’s settings' },
  ],
  async run({ urls, env, signal }) {
    const entry = entryOf('gateway', 'mcp/main.js');
    const child = spawn(process.execPath, [entry, '--url', urls.gateway], {
      stdio: 'inherit',
      env: { ...env },
    });
    const stop = () => void child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    const end = await new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code) =>
        resolve(code === 0 || signal.aborted ? '' : `exit code ${code}`),
      );
    });
    signal.removeEventListener('abort', stop);
    if (end !== '') throw new AppError('DAEMON_FAILED', { daemon: 'gateway mcp', reason: end });
  },
});
