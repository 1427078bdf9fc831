/** Which tools are asked in which order, and what each answer means. */
import { parseAmdSmi } from './amd-smi.ts';
import { parseApple } from './apple.ts';
import type { Inventory, Parsed } from './gpu.ts';
import {
  isFieldRefusal,
  nvidiaFields,
  nvidiaQuery,
  nvidiaShortFields,
  parseNvidiaCsv,
} from './nvidia-csv.ts';
import { parseNvidiaXml } from './nvidia-xml.ts';
import { parseRocmSmi, rocmArguments } from './rocm-smi.ts';
import type { RunTool, ToolAnswer } from './run-tool.ts';

/** What a source answers: nothing when its tool is absent. */
type Found = (Parsed & { readonly source: string }) | undefined;

/**
 * The cards of this machine: all of NVIDIA and all of AMD, which may stand side by side, else those of
 * a Mac. Never throws.
 */
export async function readInventory(
  run: RunTool,
  platform: string = process.platform,
): Promise<Inventory> {
  if (platform === 'darwin') return joined([await readApple(run)]);
  return joined(await Promise.all([readNvidia(run), readAmd(run)]));
}

function joined(found: readonly Found[]): Inventory {
  const answers = found.filter((answer) => answer !== undefined);
  const good = answers.filter((answer) => 'gpus' in answer);
  return {
    source: good.length === 0 ? null : good.map(({ source }) => source).join(', '),
    gpus: good.flatMap(({ gpus }) => gpus),
    troubles: answers.flatMap((answer) =>
      'trouble' in answer ? [`${answer.source}: ${answer.trouble}`] : [],
    ),
  };
}

async function readNvidia(run: RunTool): Promise<Found> {
  const source = 'nvidia-smi';
  let fields = nvidiaFields;
  let answer = await run(source, nvidiaQuery(fields));
  if (answer.kind === 'text' && isFieldRefusal(answer.text)) {
    fields = nvidiaShortFields;
    answer = await run(source, nvidiaQuery(fields));
  }
  if (answer.kind !== 'text') return missing(source, answer);
  const { hasSlices, ...cards } = parseNvidiaCsv(answer.text, fields);
  if (!hasSlices) return { ...cards, source };
  const xml = await run(source, ['-q', '-x']);
  const slices = xml.kind === 'text' ? parseNvidiaXml(xml.text) : cards;
  return 'gpus' in slices ? { ...slices, source } : { ...cards, source };
}

async function readAmd(run: RunTool): Promise<Found> {
  const source = 'amd-smi';
  const facts = await run(source, ['static', '--json']);
  if (facts.kind === 'text') {
    const metric = await run(source, ['metric', '--json']);
    const parsed = parseAmdSmi(facts.text, metric.kind === 'text' ? metric.text : '');
    if ('gpus' in parsed) return { ...parsed, source };
    const older = await readRocm(run);
    return older && 'gpus' in older ? older : { ...parsed, source };
  }
  return (await readRocm(run)) ?? missing(source, facts);
}

async function readRocm(run: RunTool): Promise<Found> {
  const source = 'rocm-smi';
  const answer = await run(source, rocmArguments);
  if (answer.kind !== 'text') return missing(source, answer);
  return { ...parseRocmSmi(answer.text), source };
}

async function readApple(run: RunTool): Promise<Found> {
  const source = 'system_profiler';
  const [answer, memory] = await Promise.all([
    run(source, ['SPDisplaysDataType', '-json']),
    run('sysctl', ['-n', 'hw.memsize']),
  ]);
  if (answer.kind !== 'text') return missing(source, answer);
  return { ...parseApple(answer.text, memory.kind === 'text' ? memory.text : ''), source };
}

/** A tool without an answer: absent is nothing to tell, everything else is. */
function missing(source: string, answer: Exclude<ToolAnswer, { kind: 'text' }>): Found {
  if (answer.kind === 'absent') return undefined;
  const trouble =
    answer.kind === 'hung'
      ? `no answer within ${answer.timeoutMs} ms`
      : 'it wrote more than can be read';
  return { source, trouble };
}
