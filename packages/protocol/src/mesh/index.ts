export {
  certifiedBlockBytes,
  decodeMeshMessage,
  encodeMeshMessage,
  rangeOverheadBytes,
} from './codec.ts';
export * from './message.ts';
