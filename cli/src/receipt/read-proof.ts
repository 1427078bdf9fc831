/** The file of a proof: what `ai ask --save-receipt` writes and `receipt verify` reads. */
import { writeFileSync } from 'node:fs';
import { AppError, type JobProof, zJobProof } from '@aitbc/protocol';
import { jsonText } from '../context/out.ts';
import { fileFault, readTextFile } from '../context/read-text-file.ts';

const proofBytesMax = 16_777_216; // 4096 receipts are about 4 MB

/** The proof in a file. Throws CLI_USAGE when there is no file, RECEIPT_INVALID when it is no proof. */
export function readProof(file: string): JobProof {
  const text = readTextFile(file);
  const fault = (reason: string, cause?: unknown) =>
    new AppError('RECEIPT_INVALID', { reason }, { cause });
  if (text.length > proofBytesMax) throw fault(`the file is above ${proofBytesMax} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fault('the file is not JSON', error);
  }
  const parsed = zJobProof.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw fault(`${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not a proof'}`);
}

/** Writes a proof. Throws CLI_USAGE when the file cannot be written. */
export function writeProof(file: string, proof: JobProof): void {
  try {
    writeFileSync(file, jsonText(proof));
  } catch (error) {
    const reason = `The receipt cannot be written to ${file}: ${fileFault(error)}.`;
    throw new AppError('CLI_USAGE', { reason }, { cause: error });
  }
}
