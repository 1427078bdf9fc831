/** `aitbc ai gpus`: the graphics cards of this machine. */
import { gpuRows } from '../../ai/owner/gpu-rows.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'Graphics cards of this machine, as the tools of their makers report them',
  details:
    'Reads nvidia-smi, amd-smi or rocm-smi, and system_profiler on a Mac. Buyers see name and memory as a claim of the provider. A card that is cut into slices (MIG) is listed as its slices.',
  examples: [
    { line: 'aitbc ai gpus', note: 'name, memory, load, temperature, power' },
    { line: 'aitbc ai gpus --json', note: 'all that the tools tell' },
  ],
  async run({ out }) {
    const { createRunTool, readInventory } = await import('@aitbc/provider/owner');
    const inventory = await readInventory(createRunTool());
    out.result(inventory, () => gpuRows(out, inventory));
    if (!out.json) for (const trouble of inventory.troubles) out.note(trouble);
  },
});
