import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { required } from '../../src/foundation/required';

/** Limits this process's address space on Linux to so many megabytes beside what it has taken by now. */
export function limitAddressSpace(megabytes: number): void {
  const kilobytes = required(/^VmSize:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1], 'the size of this process');
  execFileSync('prlimit', ['--pid', String(process.pid), `--as=${Number(kilobytes) * 1024 + megabytes * 1e6}`]);
}
