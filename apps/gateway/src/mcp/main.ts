#!/usr/bin/env node
/**
 * MCP over stdio: started by an agent's host, it hands every tool on to the gateway that runs on this machine.
 * Standard output belongs to the protocol; complaints go to standard error.
 */
import { asAppError, ports } from '@aitbc/protocol';
import { defineConfig, readConfig } from '@aitbc/service';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { gatewayVersion } from '../version.ts';
import { createMcpServer } from './mcp-server.ts';
import { createRemoteBackend } from './remote-backend.ts';

const table = defineConfig({
  name: 'gateway-mcp',
  summary: 'the tools of a running gateway for one agent, over standard input and output',
  settings: {
    url: {
      env: 'AITBC_GATEWAY_URL',
      type: 'string',
      default: `http://127.0.0.1:${ports.gateway}`,
      help: 'the gateway',
    },
    key: {
      env: 'AITBC_GATEWAY_KEY',
      type: 'string',
      default: undefined,
      secret: true,
      help: 'API key of the gateway, where it has keys',
    },
  },
});

try {
  const result = readConfig(table, { argv: process.argv.slice(2), env: process.env });
  if (result.kind === 'text') {
    process.stdout.write(result.text);
  } else {
    const backend = createRemoteBackend({ url: result.values.url, token: result.values.key });
    serveStdio(() => createMcpServer(backend, gatewayVersion), {
      onerror: (error) => process.stderr.write(`aitbc-gateway-mcp: ${error.message}\n`),
    });
  }
} catch (error) {
  const { message, row } = asAppError(error);
  process.stderr.write(`aitbc-gateway-mcp: ${message}\n`);
  process.exitCode = row.exitCode;
}
