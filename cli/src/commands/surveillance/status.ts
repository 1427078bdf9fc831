/** `aitbc surveillance status`: detectors, their thresholds, how far they have read. */
import { defineCommand } from '../../command/define-command.ts';
import { counted, durationText } from '../../wording.ts';

export default defineCommand({
  summary: 'Detectors of the coordinator with their thresholds, and how far they have read',
  examples: [
    {
      line: 'aitbc surveillance status',
      note: 'who watches, and from which number on it is abuse',
    },
  ],
  async run({ out, clients, signal }) {
    const { coordinator } = await clients();
    const status = await coordinator.surveillanceStatus({}, { signal });
    out.result(status, () => {
      const { detectors, lagMs, events, microsPerEvent, brokenPlugins } = status;
      const running = detectors.filter(({ isRunning }) => isRunning).length;
      const lag = lagMs < 1_000 ? 'up to date' : `${durationText(lagMs)} behind`;
      const cost = events === 0 ? '' : `, ${microsPerEvent} µs each`;
      const blocks = detectors.map(({ pattern, isRunning, isPlugin, alerts, thresholds }) => {
        const state = isRunning ? 'at work' : out.style('yellow', 'stopped');
        const origin = isPlugin ? ', a plugin' : '';
        const title = `${out.style('bold', pattern)}: ${state}, ${counted(alerts, 'open alert')}${origin}`;
        if (thresholds.length === 0) return title;
        const rows = thresholds.map(({ name, value, unit, about }) => [
          name,
          `${value} ${unit}: ${about}`,
        ]);
        return `${title}\n${out.table(rows)}`;
      });
      return [
        `${running} of ${counted(detectors.length, 'detector')} at work, ${lag}; ${counted(events, 'event')} since the start${cost}`,
        ...brokenPlugins.map(({ file, reason }) =>
          out.style('red', `${file} is left out: ${reason}`),
        ),
        ...blocks.map((block) => `\n${block}`),
      ].join('\n');
    });
  },
});
