import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it } from '@jest/globals';
import { checkout, kumpasProgram, type Printed } from './commands';

/** Why no file system can be mounted here; undefined where one can. */
function whyNotMounted(): string | undefined {
  const tried = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', tmpdir()], { encoding: 'utf8' });
  if (tried.error !== undefined) return 'there is no unshare';
  return tried.status === 0 ? undefined : 'file systems cannot be mounted here';
}

const reason = whyNotMounted();

/** A test on a file system of its own: skipped, with the reason, where the machine allows no mount. */
export function itWithDisk(title: string, test: () => Promise<void>): void {
  if (reason === undefined) it(title, test);
  else it.skip(`${title} (${reason})`, test);
}

/** A file system in memory, seen by the processes alone that are started on it. */
export class SmallDisk {
  private constructor(
    /** Where the processes find it. */
    readonly folder: string,
    private readonly holder: ChildProcess,
  ) {}

  /** Mounts one of so many kilobytes in a folder that is made. */
  static async mount(folder: string, kilobytes: number): Promise<SmallDisk> {
    mkdirSync(folder, { recursive: true });
    const script = 'mount -t tmpfs -o "size=$1k" tmpfs "$0" && echo mounted && exec sleep infinity';
    const holder = spawn('unshare', ['-rm', 'bash', '-c', script, folder, String(kilobytes)], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    return new SmallDisk(folder, holder);
  }

  /** A path on the disk as this process can open it. */
  seen(...parts: readonly string[]): string {
    return path.join(`/proc/${this.holder.pid ?? ''}/root`, this.folder, ...parts);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.seen());
    return bavail * bsize;
  }

  /** Leaves no more than so many bytes free. @returns what gives the space back. */
  fill(leftBytes: number): () => void {
    const filler = this.seen('filler');
    writeFileSync(filler, Buffer.alloc(Math.max(0, this.freeBytes - leftBytes)));
    return () => {
      rmSync(filler);
    };
  }

  /** Runs a command of Kumpas's in a process of its own that sees the disk. */
  kumpas(...argv: readonly string[]): Printed {
    const inside = ['--preserve-credentials', '-U', '-m', '-t', String(this.holder.pid), 'bash', '-c', 'cd "$0" && exec "$@"', checkout];
    const { status, stdout, stderr } = spawnSync('nsenter', [...inside, process.execPath, ...kumpasProgram, ...argv], { encoding: 'utf8' });
    return { code: status, output: stdout, errors: stderr };
  }

  async unmount(): Promise<void> {
    this.holder.kill('SIGKILL');
    await once(this.holder, 'exit');
  }
}

/** Runs a command of Kumpas's in a process of its own that sees a folder as one that can only be read. */
export function kumpasWithReadOnly(folder: string, environment: Readonly<Record<string, string>>, ...argv: readonly string[]): Printed {
  const script = 'mount --bind -o ro "$0" "$0" && exec "$@"';
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['-rm', 'bash', '-c', script, folder, process.execPath, ...kumpasProgram, ...argv],
    {
      encoding: 'utf8',
      cwd: checkout,
      env: { ...process.env, ...environment },
    },
  );
  return { code: status, output: stdout, errors: stderr };
}
