import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import path from 'node:path';

/** What is known of the memory that this process may take, in bytes. */
export interface MemoryFacts {
  /** What the machine has. */
  readonly total: number;
  /** Limits of the groups that the process is in; none where it is in no limited one. */
  readonly limits: readonly number[];
  /** What could be taken now without driving others out. */
  readonly available: number;
}

/** The most memory that the process may take: the machine's, or the smallest limit of a container or another group that it runs in. */
export function memoryLimit({ total, limits }: Omit<MemoryFacts, 'available'>): number {
  // A group without a limit gives 0, or a number larger than any machine.
  return Math.min(total, ...limits.filter((limit) => limit > 0));
}

/** What clips may take in memory unless a setting says otherwise: a quarter of the limit, and never more than half of what is available. */
export function memoryBudget(facts: MemoryFacts): number {
  const budget = memoryLimit(facts) / 4;
  return facts.available > 0 ? Math.min(budget, facts.available / 2) : budget;
}

/** What this process's machine says. */
export function memoryFacts(): MemoryFacts {
  const limits = [process.constrainedMemory(), ...groupLimits('/proc/self/cgroup', '/sys/fs/cgroup')];
  return { total: totalmem(), limits, available: process.availableMemory() };
}

/**
 * The memory limits of the control groups that the process is in, and of those around them: Node tells the innermost one's alone.
 * @param membership the file that names the groups (cgroups(7)): a line each, `0::/path` of version 2 or `4:memory:/path` of version 1.
 */
export function groupLimits(membership: string, root: string): number[] {
  return (readText(membership) ?? '').split('\n').flatMap((line) => {
    const [, controllers, group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || group === undefined) return [];
    if (controllers === '') return limitsUpwards(root, group, ['memory.max', 'memory.high']);
    return controllers.split(',').includes('memory') ? limitsUpwards(path.join(root, 'memory'), group, ['memory.limit_in_bytes']) : [];
  });
}

function limitsUpwards(root: string, group: string, files: readonly string[]): number[] {
  const limits: number[] = [];
  for (let at = path.posix.normalize(group); ; at = path.posix.dirname(at)) {
    for (const file of files) {
      const text = readText(path.join(root, at, file))?.trim() ?? '';
      if (/^\d+$/.test(text)) limits.push(Number(text));
    }
    if (at === '/' || at === '.') return limits;
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
