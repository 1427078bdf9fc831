/** `aitbc ai jobs`: jobs of a payer. */
import { defineCommand } from '../../command/define-command.ts';
import type { Context } from '../../context/context.ts';
import { shortAddress } from '../../market/offer-rows.ts';

export default defineCommand({
  summary: 'Your jobs, newest first',
  options: {
    payer: { flags: '--payer <address>', help: 'default: the account the gateway pays from' },
  },
  examples: [{ line: 'aitbc ai jobs', note: 'the newest jobs and their states' }],
  async run(context, { options }) {
    const { out, signal } = context;
    const { coordinator } = await context.clients();
    const payer = options.payer ?? (await payerOfGateway(context));
    const { jobs, next } = await coordinator.listJobs({ payer }, { signal });
    const rows = jobs.map((job) => [
      job.jobId,
      job.state,
      job.model,
      shortAddress(job.provider),
      new Date(job.createdAtMs).toISOString(),
    ]);
    out.result({ payer, jobs, hasMore: next !== null }, () =>
      rows.length === 0
        ? `No job of ${payer} yet. Hand one in: aitbc ai submit "…"`
        : out.table(rows, { head: ['job', 'state', 'model', 'provider', 'created'] }),
    );
  },
});

async function payerOfGateway({ clients, signal }: Context): Promise<string> {
  const { gateway } = await clients();
  const { payer } = await gateway.spend({ limit: 1 }, { signal });
  return payer;
}
