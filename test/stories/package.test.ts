import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { installPackage } from './installed-package';

const project = path.resolve(__dirname, '../..');
const installed = installPackage();
const itInstalled = installed === undefined ? it.skip : it;
afterAll(() => installed?.remove());

/** The TypeScript programs of docs/library.md, in their order. */
const programs = [...readFileSync(path.join(project, 'docs/library.md'), 'utf8').matchAll(/^```ts\n([^]*?)^```$/gm)].map(
  ([, text = ''], at) => ({
    name: `program-${at + 1}`,
    text,
  }),
);

function inProject(): NonNullable<typeof installed> {
  if (installed === undefined) throw new Error('it is not installed');
  return installed;
}

describe('a package that npm installed into an empty project', () => {
  itInstalled('tells a program to prepare TensorFlow first', () => {
    const { status, stderr } = inProject().run(process.execPath, [
      '--eval',
      "delete process.env.KUMPAS_BACKEND; require('kumpas/engine').startRuntime()",
    ]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/UserError: TensorFlow's native library is not prepared: `npx kumpas setup` prepares it.* KUMPAS_BACKEND=js /);
  });

  itInstalled('trains with npx kumpas, into the folder at hand, and says what to type there', () => {
    const { folder, run } = inProject();
    const small = ['--emb-dim', '16', '--num-heads', '2', '--num-layers', '1'];
    const { status, stdout, stderr } = run('npx', ['kumpas', 'train', '--model', 'transformer', '--epochs', '1', ...small]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [name = ''] = readdirSync(path.join(folder, 'trained_models/transformer'));
    expect(readdirSync(path.join(folder, 'trained_models/transformer', name))).toContain('SignTransformer_best.pt');
    expect(stdout).toContain(`npx kumpas evaluate --model-path trained_models/transformer/${name}\n`);
    const page = readFileSync(path.join(folder, 'trained_models/transformer', name, 'README.md'), 'utf8');
    expect(page).toContain('npx kumpas');
    expect(page.replaceAll('npm run evaluate writes them anew', '')).not.toContain('npm run');
    expect(stdout).not.toContain('npm run');
  });

  itInstalled('helps with the commands as they are typed there', () => {
    const { stdout } = inProject().run('npx', ['kumpas', '--help']);
    expect(stdout).toMatch(/npx kumpas train .*\n/);
    expect(stdout).not.toContain('npm run');
    expect(inProject().run('npx', ['kumpas', 'trian'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('did you mean train?'),
    });
    expect(inProject().run('npx', ['kumpas', 'doctor', '--json'])).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('the programs of docs/library.md', () => {
  itInstalled('compile, and so do the declarations that they use, at the strictest', () => {
    const { folder, run } = inProject();
    mkdirSync(path.join(folder, 'programs'));
    for (const { name, text } of programs) writeFileSync(path.join(folder, 'programs', `${name}.ts`), text);
    const compilerOptions = {
      target: 'es2023',
      module: 'node20',
      strict: true,
      skipLibCheck: false,
      rootDir: 'programs',
      outDir: 'built',
      types: ['node'],
    };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['programs'] }));
    const { stdout } = run(process.execPath, [path.join(project, 'node_modules/typescript/bin/tsc'), '--pretty', 'false']);
    // TensorFlow.js's own declarations do not stand the check.
    const faults = stdout
      .split('\n')
      .filter((line) => /^\S+\(\d+,\d+\): error /.test(line) && !/^(?:.*\/)?(?:@tensorflow|@webgpu|typescript)\//.test(line));
    expect(faults).toEqual([]);
    expect(readdirSync(path.join(folder, 'built'))).toHaveLength(programs.length);
  });

  it('are several', () => {
    expect(programs.length).toBeGreaterThan(2);
  });

  for (const { name } of programs) {
    itInstalled(`run, in their order: ${name}`, () => {
      const { run } = inProject();
      const { status, stdout, stderr } = run(process.execPath, [path.join('built', `${name}.js`)]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).not.toBe('');
    });
  }
});
