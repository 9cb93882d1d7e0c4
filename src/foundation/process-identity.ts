import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, so that others on any machine can tell whether it is theirs to ask about, and whether it runs. */
export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** When the process began, in the system's own count: its number may be another's by now. Empty where the system does not tell. */
  readonly began: string;
  /** Which container it runs in: numbers of processes mean something else in another. Empty outside of one; absent where nobody told. */
  readonly container?: string;
}

/** This very process. */
export function ownIdentity(): ProcessIdentity {
  return { host: hostname(), pid: process.pid, began: beginningOf(process.pid), container: ownContainer() };
}

/** Whether a process is of this machine and this container, so that the system can be asked about it. */
export function isNear({ host, container }: Pick<ProcessIdentity, 'host' | 'container'>): boolean {
  return host === hostname() && (container === undefined || container === ownContainer());
}

/** Whether a process of this machine still runs. */
export function isRunning({ pid, began }: Pick<ProcessIdentity, 'pid' | 'began'>): boolean {
  return isAlive(pid) && (began === '' || began === beginningOf(pid));
}

/** Linux's namespace of all processes outside of containers (PROC_PID_INIT_INO). */
const NO_CONTAINER = 'pid:[4026531836]';

/**
 * The pods of one index of a Kubernetes Job have the same host name, whichever machines they run on: the machine's start and the namespace tell them apart.
 */
function ownContainer(): string {
  try {
    const namespace = readlinkSync('/proc/self/ns/pid');
    return namespace === NO_CONTAINER ? '' : `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${namespace}`;
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Ticks from the machine's start to the process's; empty where the system does not tell. */
function beginningOf(pid: number): string {
  return statusOf(pid)[19] ?? '';
}

/** Whether a process has ended and only its number is still taken, until its parent asks for its exit code. */
function isZombie(pid: number): boolean {
  return statusOf(pid)[0] === 'Z';
}

/** Linux's /proc/PID/stat from its third field on; nothing where the system does not tell. */
function statusOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
