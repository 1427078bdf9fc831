/**
 * What the kernel knows of processes and of this machine. Linux only: everything is read from /proc, so
 * programs of any language are measured alike, with all their threads.
 */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { keyPairFromSeed, sign, verify } from '@aitbc/primitives';

const usPerTick = 10_000; // USER_HZ is 100 on every Linux that Node runs on
const checkRounds = 9;
const checksPerRound = 200;
const blockBytes = 512; // unit of st_blocks

/** CPU time of a process since its start, µs: all threads, user and system; also of its main thread alone. */
export function cpuOf(pid) {
  return { allUs: cpuUs(`/proc/${pid}/stat`), mainUs: cpuUs(`/proc/${pid}/task/${pid}/stat`) };
}

function cpuUs(path) {
  const fields = fieldsOfStat(readFileSync(path, 'utf8'));
  return (Number(fields[11]) + Number(fields[12])) * usPerTick;
}

/** Fields from the third on; the second, the name, may hold blanks. */
function fieldsOfStat(text) {
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Resident memory of a process, MB (10^6 bytes). */
export function residentMb(pid) {
  return residentPartsMb(pid).allMb;
}

/**
 * Resident memory of a process, MB: all of it, what is the process' own, and pages of files, which the kernel takes back
 * when somebody needs the memory.
 */
export function residentPartsMb(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name) => {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status);
    return line ? (Number(line[1]) * 1_024) / 1e6 : 0;
  };
  return { allMb: mb('VmRSS'), ownMb: mb('RssAnon'), fileMb: mb('RssFile') };
}

/** Bytes that the files of a folder take on disk. A file that goes away meanwhile counts nothing. */
export function diskBytes(folder) {
  let sum = 0;
  for (const entry of readdirSync(folder, { recursive: true })) {
    sum += (lstatSync(join(folder, entry), { throwIfNoEntry: false })?.blocks ?? 0) * blockBytes;
  }
  return sum;
}

/** Busy time of all cores since boot, µs. */
export function machineBusyUs() {
  const [, ...ticks] = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/);
  const [user, nice, system, , , irq, softirq] = ticks.map(Number);
  return (user + nice + system + irq + softirq) * usPerTick;
}

/** One line about the machine, with the load that others put on it. */
export function machineText() {
  const load = loadavg().map((value) => value.toFixed(2));
  const gigabytes = Math.round(totalmem() / 1e9);
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${availableParallelism()} × ${model}, ${gigabytes} GB, Node ${process.versions.node}, load average ${load.join(' ')}`;
}

/** Reads a series of processes; `stop` gives what they used since. */
export function meterOf(pids) {
  const before = pids.map(cpuOf);
  const busyBefore = machineBusyUs();
  const ownBefore = cpuOf(process.pid).allUs;
  const begunMs = performance.now();
  return {
    stop() {
      const seconds = (performance.now() - begunMs) / 1_000;
      const used = pids.map((pid, at) => {
        const { allUs, mainUs } = cpuOf(pid);
        return { allUs: allUs - before[at].allUs, mainUs: mainUs - before[at].mainUs };
      });
      const clientUs = cpuOf(process.pid).allUs - ownBefore;
      const serverUs = used.reduce((sum, { allUs }) => sum + allUs, 0);
      const strangersUs = Math.max(0, machineBusyUs() - busyBefore - clientUs - serverUs);
      return { used, serverUs, clientUs, otherCores: strangersUs / 1e6 / seconds };
    },
  };
}

/**
 * CPU µs of one Ed25519 check in this process now: about 40 when the machine is quiet, up to twice as much when
 * others use the same cores. The other CPU figures of the moment are dearer by about the same factor.
 */
export function signatureCheckUs() {
  const { publicKey, secretKey } = keyPairFromSeed(new Uint8Array(32).fill(7));
  const message = new Uint8Array(200);
  const signature = sign(message, secretKey);
  const rounds = Array.from({ length: checkRounds }, () => {
    const before = process.cpuUsage();
    for (let at = 0; at < checksPerRound; at += 1) verify(signature, message, publicKey);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / checksPerRound;
  });
  return rounds.toSorted((a, b) => a - b)[Math.floor(checkRounds / 2)];
}
