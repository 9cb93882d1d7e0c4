import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A project of somebody else's, in a folder of its own, with Kumpas installed in it from a packed tarball. */
export interface InstalledPackage {
  readonly folder: string;
  /** Runs a program in that folder. */
  readonly run: (program: string, args: readonly string[]) => Outcome;
  readonly remove: () => void;
}

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const project = path.resolve(__dirname, '../..');

/** Where TensorFlow's native library could not be prepared for the checkout, it cannot be for the other project either. */
const isPrepared = existsSync(path.join(project, 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node'));

/** What npm says where it reaches no registry and its cache has not all packages. */
const NO_REGISTRY = /\b(?:ENOTFOUND|ENOTCACHED|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b/;

/**
 * Builds and packs Kumpas, and installs the tarball with npm into a new and empty project.
 * @returns undefined where npm reaches no registry that has the packages that it needs.
 */
export function installPackage(): InstalledPackage | undefined {
  const top = mkdtempSync(path.join(os.tmpdir(), 'kumpas-package-'));
  const folder = path.join(top, 'my project');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'my-project', version: '1.0.0', private: true, type: 'module' }));
  requireSuccess(npm(project, 'run', 'pack', '--', '--pack-destination', top));
  const tarball = readdirSync(top).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack wrote no tarball');
  const offline = ['--prefer-offline', '--fetch-retries=0', '--no-audit', '--no-fund'];
  const installed = npm(folder, 'install', '--ignore-scripts', ...offline, path.join(top, tarball));
  const remove = (): void => {
    rmSync(top, { recursive: true });
  };
  if (installed.status !== 0 && NO_REGISTRY.test(installed.stderr)) {
    remove();
    return undefined;
  }
  requireSuccess(installed);
  return { folder, run: (program, args) => runIn(folder, program, args), remove };
}

function npm(folder: string, ...args: readonly string[]): Outcome {
  return runIn(folder, 'npm', args);
}

function runIn(folder: string, program: string, args: readonly string[]): Outcome {
  return spawnSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...outsideOfNpm(process.env), ...(isPrepared ? {} : { KUMPAS_BACKEND: 'js' }) },
  });
}

/** An environment without what npm says of the project whose script it runs. */
function outsideOfNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ofTheScript = /^(?:npm_(?:package|lifecycle|command|node|config_local_prefix)|INIT_CWD$)/;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !ofTheScript.test(name)));
}

function requireSuccess({ status, stdout, stderr }: Outcome): void {
  if (status !== 0) throw new Error(`exit code ${status ?? 'none'}\n${stdout}\n${stderr}`);
}
