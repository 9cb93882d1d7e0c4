import { describe, expect, it } from '@jest/globals';
import { chooseBackend, chooseTarget, cudaRequirements, requireGlibc, whyNoGpu } from '../../src/engine/provision/target';

describe('the backend that is prepared', () => {
  it('is the CPU without an NVIDIA driver, and the GPU with one that CUDA 12 runs on', () => {
    expect(chooseBackend(undefined, undefined)).toBe('cpu');
    expect(chooseBackend('', '535.104.05')).toBe('gpu');
    expect(chooseBackend(undefined, 'unknown')).toBe('gpu');
    expect(chooseBackend(undefined, '470.82.01')).toBe('cpu');
  });

  it('is what KUMPAS_BACKEND says, whatever is there', () => {
    expect(chooseBackend('cpu', '535.104.05')).toBe('cpu');
    expect(chooseBackend('gpu', undefined)).toBe('gpu');
    expect(chooseBackend('js', '535.104.05')).toBe('js');
  });

  it('leaves no GPU unused without a reason', () => {
    expect(whyNoGpu('cpu', undefined, '470.82.01')).toBe(
      'NVIDIA driver 470.82.01 is older than 525, which CUDA 12 needs: update it to use the GPU',
    );
    expect(whyNoGpu('gpu', 'gpu', undefined)).toContain('no NVIDIA driver');
    expect(whyNoGpu('cpu', 'cpu', '535.104.05')).toBeUndefined();
    expect(whyNoGpu('cpu', undefined, undefined)).toBeUndefined();
    expect(whyNoGpu('gpu', undefined, '535.104.05')).toBeUndefined();
  });

  it('is refused where KUMPAS_BACKEND is misspelt', () => {
    expect(() => chooseBackend('cuda', undefined)).toThrow('KUMPAS_BACKEND is "cuda". Set it to cpu, gpu or js, or leave it unset.');
  });
});

describe('the wheel', () => {
  it.each([
    ['linux', 'x64', 'cpu', 'tensorflow-cpu==2.21.0', 'manylinux_2_27_x86_64', false],
    ['linux', 'x64', 'gpu', 'tensorflow==2.21.0', 'manylinux_2_27_x86_64', true],
    ['linux', 'arm64', 'cpu', 'tensorflow==2.21.0', 'manylinux_2_27_aarch64', false],
    ['darwin', 'arm64', 'cpu', 'tensorflow==2.21.0', 'macosx_12_0_arm64', false],
  ] as const)('for %s-%s on the %s is %s', (platform, arch, backend, requirement, tag, cuda) => {
    const target = chooseTarget({ platform, arch, backend });
    expect(target).toMatchObject({ requirement, cuda, key: `tensorflow-2.21.0-${backend}-${platform}-${arch}` });
    expect(target.platforms[0]).toBe(tag);
  });

  it('is not there for other machines, and that is said', () => {
    expect(() => chooseTarget({ platform: 'win32', arch: 'x64', backend: 'cpu' })).toThrow('not published for win32-x64');
    expect(() => chooseTarget({ platform: 'darwin', arch: 'x64', backend: 'cpu' })).toThrow('not published for darwin-x64');
    expect(() => chooseTarget({ platform: 'linux', arch: 'arm64', backend: 'gpu' })).toThrow('NVIDIA GPUs on linux-x64 only');
  });

  it('needs glibc 2.27', () => {
    expect(() => {
      requireGlibc(undefined);
    }).toThrow('musl');
    expect(() => {
      requireGlibc('2.17');
    }).toThrow('glibc 2.27 or later, this is 2.17');
    expect(() => {
      requireGlibc('2.27');
      requireGlibc('3.0');
    }).not.toThrow();
  });
});

describe('the CUDA packages', () => {
  it('are those of the extra and-cuda, in both spellings of METADATA', () => {
    const metadata = [
      'Name: tensorflow',
      'Requires-Dist: numpy>=1.26.0',
      'Provides-Extra: and-cuda',
      'Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
      "Requires-Dist: nvidia-nccl-cu12 (<3.0,>=2.27.7) ; extra == 'and-cuda'",
      'Requires-Dist: nvidia-something; extra == "other"',
    ].join('\r\n');
    expect(cudaRequirements(metadata)).toEqual(['nvidia-cublas-cu12<13.0,>=12.5.3.2', 'nvidia-nccl-cu12<3.0,>=2.27.7']);
  });
});
