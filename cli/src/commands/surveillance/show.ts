/** `aitbc surveillance show`: one alert. */
import { defineCommand } from '../../command/define-command.ts';
import { alertText } from '../../surveillance/alert-text.ts';

export default defineCommand({
  summary: 'One alert: whom it is about, what it says, what it rests on',
  arguments: [{ name: 'id', help: 'id of the alert' }],
  examples: [
    {
      line: 'aitbc surveillance show 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6',
      note: 'with the thresholds it was judged by',
    },
  ],
  async run({ out, clients, signal }, { args }) {
    const { coordinator } = await clients();
    const alert = await coordinator.showAlert({ id: args.id }, { signal });
    out.result(alert, () => alertText(out, alert));
  },
});
