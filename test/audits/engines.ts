/** Engines for tests of audits: real models, and sellers that name other weights than they run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Requantise {
  requantised(model: Buffer, quantization: 'q4_0' | 'q8_0'): Buffer;
}

/** A file with the same model in four bits, as a provider makes it that wants to save memory. */
export async function fourBitModel(path: string, folder: string): Promise<string> {
  const file = join(folder, 'four-bit.gguf');
  const script = new URL('../../scripts/audit-curve/requantise.mjs', import.meta.url);
  const { requantised } = (await import(script.href)) as Requantise; // scripts are no package
  writeFileSync(file, requantised(readFileSync(path), 'q4_0'));
  return file;
}
