/** The file of a proof: what `receipt export` and `ai ask --save-receipt` write and `receipt verify` reads. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import {
  AppError,
  decodeJobProof,
  encodeJobProof,
  type JobProof,
  proofBytesMax,
  unwrap,
} from '@aitbc/protocol';
import { fileFault } from '../context/read-text-file.ts';

/** The proof in a file. Throws CLI_USAGE when there is no file, RECEIPT_INVALID when it is no proof. */
export function readProof(file: string): JobProof {
  return unwrap(decodeJobProof(bytesOf(file)));
}

function bytesOf(file: string): Uint8Array {
  try {
    if (statSync(file).size <= proofBytesMax) return readFileSync(file);
  } catch (error) {
    const reason = `The file ${file} cannot be read: ${fileFault(error)}.`;
    throw new AppError('CLI_USAGE', { reason }, { cause: error });
  }
  throw new AppError('RECEIPT_INVALID', { reason: `the file is above ${proofBytesMax} bytes` });
}

/** Writes a proof in its one spelling. Throws CLI_USAGE when the file cannot be written. */
export function writeProof(file: string, proof: JobProof): void {
  try {
    writeFileSync(file, encodeJobProof(proof));
  } catch (error) {
    const reason = `The receipt cannot be written to ${file}: ${fileFault(error)}.`;
    throw new AppError('CLI_USAGE', { reason }, { cause: error });
  }
}
