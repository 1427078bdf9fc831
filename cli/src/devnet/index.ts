export * from './bring-up.ts';
export type { DaemonName, DaemonProcess } from './daemon-process.ts';
