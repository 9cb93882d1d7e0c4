import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { compilerArguments, findCompiler } from '../../src/engine/provision/binding';
import { runCommand } from '../../src/engine/provision/command';
import { doctorReport } from '../../src/engine/provision/doctor';
import { isSupportedNode } from '../../src/engine/provision/node-version';
import { warningWithout } from '../../src/engine/provision/prepare';
import { installAdvice, reportTo, SetUpProblem } from '../../src/engine/provision/set-up-problem';
import { pipError } from '../../src/engine/provision/wheels';
import { receiveInterruptsOnce } from '../../scripts/single-interrupt';

it.each([
  ['18.20.4', false],
  ['20.18.9', false],
  ['20.19.0', true],
  ['21.7.3', false],
  ['22.11.0', false],
  ['22.12.0', true],
  ['23.11.0', false],
  ['24.0.0', true],
  ['26.1.0', true],
])('Node %s is supported: %s', (version, supported) => {
  expect(isSupportedNode(version)).toBe(supported);
});

it('what a program printed steers no terminal, whatever bytes a damaged library puts into its message', async () => {
  const lines: string[] = [];
  const program = 'process.stdout.write("Error: \\x1b[2J\\x07\\x9b31m\\u202e\\0.so\\tcannot be opened\\nnext\\n")';
  const { output } = await runCommand(process.execPath, ['-e', program], { onLine: (line) => lines.push(line) });
  expect(output).toBe('Error: \ufffd[2J\ufffd\ufffd31m\ufffd\ufffd.so\tcannot be opened\nnext\n');
  expect(lines).toEqual(output.trimEnd().split('\n'));
});

describe('the warning', () => {
  it('says in one line what is missing, how to get it, and what is used instead', () => {
    const problem = new SetUpProblem('A C++ compiler was not found on PATH', 'Install one: sudo apt-get install g++');
    expect(warningWithout(problem, false)).toBe(
      'Warning: A C++ compiler was not found on PATH. Install one: sudo apt-get install g++, then run `npm run setup`. ' +
        "Until then Kumpas runs on TensorFlow.js's JavaScript backend, which is many times slower.",
    );
    expect(warningWithout(problem, true)).toContain('Kumpas runs with the library that was prepared earlier.');
  });

  it('names the command of the package manager that is there', () => {
    const only = (name: string) => (program: string) => (program === name ? `/usr/bin/${name}` : undefined);
    expect(installAdvice('pip', 'linux', only('dnf'))).toBe('sudo dnf install python3-pip');
    expect(installAdvice('compiler', 'darwin', only('apt-get'))).toBe('xcode-select --install');
    expect(installAdvice('compiler', 'linux', only('none'))).toMatch(/apt-get .*dnf .*xcode-select/);
  });

  it("takes pip's last error, and says where there is no connection", () => {
    expect(
      pipError(
        'WARNING: Retrying … connection broken by …\nERROR: Could not find a version\nERROR: No matching distribution found for x==1\n',
      ),
    ).toBe('no connection to the package index; No matching distribution found for x==1');
    expect(pipError('')).toBe('it gave no reason');
  });
});

describe('the compiler', () => {
  it('is missing where PATH has none', () => {
    expect(() => findCompiler({ PATH: '/nowhere' })).toThrow('A C++ compiler was not found on PATH');
  });

  it('is told to find the library beside the binding, wherever the cache is', () => {
    expect(compilerArguments('linux', 'tensorflow-x', '/c/include', '/n/include')).toContain(
      '-Wl,-rpath,$ORIGIN/../tensorflow-x/tensorflow',
    );
    const onMac = compilerArguments('darwin', 'tensorflow-x', '/c/include', '/n/include');
    expect(onMac).toEqual(expect.arrayContaining(['dynamic_lookup', '-Wl,-rpath,@loader_path/../tensorflow-x/tensorflow']));
  });
});

describe('progress', () => {
  const record = (isTTY: boolean): { written: string[]; stream: { isTTY: boolean; write: (text: string) => number } } => {
    const written: string[] = [];
    return { written, stream: { isTTY, write: (text) => written.push(text) } };
  };

  it('is rewritten in a terminal', () => {
    const { written, stream } = record(true);
    const report = reportTo(stream, () => 0);
    report.progress('1 MB');
    report.line('done');
    expect(written).toEqual(['\r\u001b[K1 MB', '\r\u001b[Kdone\n']);
  });

  it('is a plain line every half minute in a pipe', () => {
    const { written, stream } = record(false);
    let now = 0;
    const report = reportTo(stream, () => now);
    for (now = 0; now <= 65_000; now += 1_000) report.progress(`${now / 1_000} s`);
    expect(written).toEqual(['30 s\n', '60 s\n']);
  });
});

describe('receiveInterruptsOnce', () => {
  it('counts the two signals of one key press once, and a second key press', () => {
    const receiver = new EventEmitter();
    let now = 0;
    const received: number[] = [];
    receiver.on('SIGINT', () => received.push(now));
    receiveInterruptsOnce(receiver, () => now);
    for (now of [0, 3, 2_000, 2_004]) receiver.emit('SIGINT');
    expect(received).toEqual([0, 2_000]);
  });

  it('lets all else through', () => {
    const receiver = new EventEmitter();
    const received: unknown[] = [];
    receiver.on('SIGTERM', (value) => received.push(value));
    receiveInterruptsOnce(receiver, () => 0);
    receiver.emit('SIGTERM', 1);
    receiver.emit('SIGTERM', 2);
    expect(received).toEqual([1, 2]);
  });
});

describe("the doctor's report", () => {
  const healthy = {
    node: { version: '22.12.0', executable: '/usr/bin/node' },
    packages: { missing: [], versions: { zod: '4.6.7', jest: null } },
    tensorflow: { version: '2.21.0', backend: 'cpu' as const, native: true, problem: null, library: '/c/tensorflow', ownKernels: false },
    videos: { version: '0.10.14', prepared: true, python: '/usr/bin/python3', problem: null },
    machine: {
      platform: 'linux-x64',
      model: 'Some Processor',
      threads: 1,
      instructionSets: ['AVX2'],
      memoryBytes: 2 ** 34,
      freeMemoryBytes: 2 ** 33,
    },
    nvidia: { driver: null, gpus: [] },
    cache: { folder: '/c', bytes: 0, holds: [] },
    missing: [],
  };

  it('says what is there', () => {
    const report = doctorReport(healthy);
    expect(report).toContain('TensorFlow    2.21.0, native, for the CPU (/c/tensorflow)\n');
    const withKernels = doctorReport({ ...healthy, tensorflow: { ...healthy.tensorflow, ownKernels: true } });
    expect(withKernels).toContain("for the CPU, with Kumpas's own kernels (/c/tensorflow)");
    expect(report).toContain('zod 4.6.7, jest missing');
    expect(report).toContain('Some Processor, 1 thread\n');
    expect(report).toContain('16.0 GiB, 8.0 GiB free');
    expect(report).toContain('Videos        MediaPipe 0.10.14 (/usr/bin/python3)\n');
    expect(report).toMatch(/Nothing is missing\.\n$/);
  });

  it('does not count what not everybody needs as missing', () => {
    const videos = { ...healthy.videos, prepared: false, problem: 'not prepared; `npm run setup -- --videos` does that' };
    expect(doctorReport({ ...healthy, videos })).toMatch(/MediaPipe 0\.10\.14: not prepared; [^]*Nothing is missing/);
  });

  it('lists what is missing, one a line', () => {
    const report = doctorReport({ ...healthy, missing: ['pip. Install it.', '3 npm packages'] });
    expect(report).toMatch(/Missing:\n {2}- pip\. Install it\.\n {2}- 3 npm packages\n$/);
  });
});
