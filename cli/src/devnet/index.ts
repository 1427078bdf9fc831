export * from './bring-up.ts';
export type { DaemonName, NodeName, ProgramName, ProviderName } from './daemon-name.ts';
export {
  type DaemonProcess,
  type DaemonStart,
  modulesEntryOf,
  runDaemonOnce,
  startDaemon,
} from './daemon-process.ts';
export { findFreePorts } from './free-ports.ts';
