import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from '@jest/globals';
import { tensorOf } from '../../src/checkpoint/tensor';
import { writeTorchFile } from '../../src/checkpoint/torch-file';
import { PythonOrderedDict } from '../../src/checkpoint/python-values';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { processLibrary, useLargePages } from '../../src/engine/native-process';
import { allocateLargeBy, bytesToFill } from '../../src/foundation/large-memory';
import { RandomStream } from '../../src/foundation/random';
import { required } from '../../src/foundation/required';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout } from '../support/commands';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const library = required(processLibrary(), 'the library that was compiled beside the binding');
const onLinux = process.platform === 'linux' ? it : it.skip;
const MEGABYTE = 2 ** 20;

/** Of this process, as Linux counts it, in bytes. */
function addressSpace(): number {
  return 1024 * Number(/^VmSize:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

/** Of a process's address space, this one's where none is given, how much large pages were asked for (`hg` of Linux's smaps), in bytes. */
function askedInLargePages(maps = readFileSync('/proc/self/smaps', 'utf8')): number {
  const mappings = maps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const asked = mappings.filter((mapping) => /^VmFlags:.* hg\b/m.test(mapping));
  return asked.reduce((sum, mapping) => sum + 1024 * Number(/^Size:\s+(\d+) kB$/m.exec(mapping)?.[1]), 0);
}

afterEach(() => {
  allocateLargeBy(() => undefined);
});

describe('memory in large pages', () => {
  onLinux('is zeros, of any size, each buffer for itself', () => {
    const sizes = [1, 63, 64, 65, 3 * MEGABYTE, 8 * MEGABYTE, 8 * MEGABYTE + 1, 20 * MEGABYTE, 5];
    const buffers = sizes.map((size) => new Uint8Array(required(library.allocate(size), `${size} bytes`)));
    expect(buffers.map(({ length }) => length)).toEqual(sizes);
    for (const [place, bytes] of buffers.entries()) {
      expect([bytes[0], bytes.at(-1)]).toEqual([0, 0]); // Nothing of the one before.
      bytes.fill(place + 1);
    }
    for (const [place, bytes] of buffers.entries()) expect(bytes.every((value) => value === place + 1)).toBe(true);
  });

  onLinux('is asked for where a buffer is read into', () => {
    const start = askedInLargePages();
    const buffer = required(library.allocate(100 * MEGABYTE), 'memory');
    expect(askedInLargePages() - start).toBeGreaterThanOrEqual(100 * MEGABYTE);
    expect(buffer.byteLength).toBe(100 * MEGABYTE);
  });

  onLinux('is asked for where tensors lie', () => {
    // In a process of its own: what is set of the environment here no library sees.
    const started = `require('./src/engine/runtime').startRuntime().then(() => console.log(require('node:fs').readFileSync('/proc/self/smaps', 'utf8')));`;
    const { stdout } = spawnSync(process.execPath, ['--require', 'tsx/cjs', '-e', started], {
      cwd: checkout,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    expect(askedInLargePages(stdout)).toBeGreaterThanOrEqual(510 * MEGABYTE);
  });

  onLinux('is given back when nothing that lies in it is used any more', async () => {
    const before = addressSpace();
    const held = Array.from({ length: 40 }, () => required(library.allocate(3 * MEGABYTE), 'memory'));
    expect(addressSpace() - before).toBeGreaterThan(110 * MEGABYTE);
    const one = required(held[20], 'one of them');
    new Uint8Array(one).fill(7);
    held.length = 0;
    for (let turn = 0; turn < 10 && addressSpace() - before > 60 * MEGABYTE; turn++) {
      collectGarbage();
      await setImmediate(); // Node lets go of them between two turns of its loop.
    }
    expect(addressSpace() - before).toBeLessThan(60 * MEGABYTE);
    expect(new Uint8Array(one).every((value) => value === 7)).toBe(true);
  });

  it.each([0, -1, 'much'])('is refused where %j bytes are asked for', (size) => {
    expect(() => library.allocate(size as number)).toThrow('allocate() takes a number of bytes');
  });

  onLinux('that cannot be had is told by undefined, and Node is asked instead', () => {
    expect(library.allocate(2 ** 52)).toBeUndefined();
    allocateLargeBy(() => undefined);
    expect(bytesToFill(MEGABYTE)).toHaveLength(MEGABYTE);
  });

  it('holds a checkpoint that is read as other memory does', () =>
    inTemporaryFolder((folder) => {
      const file = path.join(folder, 'large.pt');
      const random = new RandomStream(5);
      const state = new PythonOrderedDict();
      for (const [place, size] of [10, 9_000, 70_000, 300_000].entries())
        state.set(
          `layer.${place}.weight`,
          tensorOf(
            'float32',
            [size],
            Float32Array.from({ length: size }, () => random.uniform()),
          ),
        );
      writeTorchFile(file, new Map([['model', state]]));
      const plain = readWeights(file);
      const asked: number[] = [];
      useLargePages();
      const large = readWeights(file);
      expect(large).toEqual(plain);
      allocateLargeBy((bytes) => {
        asked.push(bytes);
        return library.allocate(bytes);
      });
      readWeights(file);
      expect(asked).toEqual(expect.arrayContaining([36_000, 280_000, 1_200_000]));
      writeFileSync(file, 'no checkpoint');
      expect(() => readWeights(file)).toThrow();
    }));
});

describe('signals', () => {
  // A process that computes products of TensorFlow's own for two seconds, with a listener for a terminal's new size.
  const program = `
    const { startRuntime } = require('./src/engine/runtime');
    const { tf } = require('./src/engine/tensorflow');
    let heard = 0;
    startRuntime().then(async () => {
      process.on('SIGWINCH', () => heard++);
      const [left, right] = [tf.ones([1, 100, 256]), tf.ones([1, 256, 256])];
      console.log('computing');
      for (let end = performance.now() + 2000; performance.now() < end; await new Promise(setImmediate))
        for (let times = 0; times < 50; times++) tf.tidy(() => tf.matMul(left, right).dataSync());
      console.log(heard > 10 ? 'heard' : 'not heard');
    });`;

  /** Runs it to its end. @param signal what it is sent every other millisecond. */
  async function run(
    nodeArguments: readonly string[],
    signal?: NodeJS.Signals,
  ): Promise<{ code: number | null; signal: string | null; output: string }> {
    const child = spawn(process.execPath, [...nodeArguments, '--require', 'tsx/cjs', '-e', program], {
      cwd: checkout,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    let sending: NodeJS.Timeout | undefined;
    child.stdout.on('data', (text: Buffer) => {
      output += text.toString();
      if (signal !== undefined) sending ??= setInterval(() => child.kill(signal), 2);
    });
    const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    clearInterval(sending);
    return { code, signal: killedBy, output };
  }

  onLinux('that Node listens for harm nothing while TensorFlow computes', async () => {
    expect(await run([], 'SIGWINCH')).toEqual({ code: 0, signal: null, output: 'computing\nheard\n' });
  });

  onLinux("of Node's profiler harm nothing while TensorFlow computes", () =>
    inTemporaryFolder(async (folder) => {
      const profiled = ['--cpu-prof', '--cpu-prof-interval', '100', '--cpu-prof-dir', folder];
      expect(await run(profiled)).toEqual({ code: 0, signal: null, output: 'computing\nnot heard\n' });
    }),
  );
});
