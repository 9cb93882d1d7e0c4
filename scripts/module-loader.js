// @ts-check
// Starts a command from modules that an earlier start compiled: without searching for them, translating them from TypeScript, and compiling them, which
// otherwise takes longer than all that most commands compute. What the store lacks is loaded as ever, and kept for the next start.
const { statSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');
const { readStore, writeStore } = require('./module-store');
/** @typedef {import('./module-store').Modules} Modules */
/** @typedef {import('./module-store').Started} Started */

/**
 * Node's own, of which its types tell a part.
 * @typedef {NodeJS.Module & { load(file: string): void, _compile(text: string, file: string, format?: string): unknown }} LoadedModule
 * @typedef {(request: string, parent: LoadedModule | undefined, isMain?: boolean, options?: object) => string} Resolve
 * @typedef {{ _resolveFilename: Resolve, _extensions: NodeJS.RequireExtensions, _cache: NodeJS.Dict<NodeJS.Module>, _nodeModulePaths(from: string): string[], prototype: LoadedModule }} NodeModule
 */
const node = /** @type {NodeModule} */ (/** @type {unknown} */ (Module));

/** A module that the store lacks. */
/** @typedef {{ text: string, script: vm.Script, map: string | undefined }} Added */

/** Milliseconds after which what the store holds gives back its memory, until it is asked for again. */
const RELEASE = 10_000;

/**
 * Loads the modules of this process from what an earlier start of the command left, and keeps what comes to them.
 * @param {Started & { translates: boolean }} started translates: whether the project is TypeScript, which tsx translates
 */
function keepModules(started) {
  new KeptModules(started).install();
}

class KeptModules {
  /** @type {Map<string, Added>} */
  added = new Map();
  /** Whether anything was loaded or found that the store lacks. */
  hasNew = false;
  resolve = node._resolveFilename;
  /** @type {Modules['modules'] | undefined} */
  stored;

  /** @param {Started & { translates: boolean }} started */
  constructor(started) {
    const { project, translates } = started;
    this.started = started;
    this.translates = translates;
    /** Whether TypeScript can be required by now, and imported. */
    this.typescript = this.imports = !translates;
    const { modules, resolutions } = readStore(started);
    this.resolutions = resolutions;
    this.hold(modules);
    this.ownFolders = ['src', 'dist', 'scripts'].map((name) => path.join(project, name) + path.sep);
    this.packageFolders = node._nodeModulePaths(project).map((folder) => folder + path.sep);
  }

  /** @param {Modules['modules']} modules */
  hold(modules) {
    this.stored = modules;
    setTimeout(() => (this.stored = undefined), RELEASE).unref();
    return modules;
  }

  /** @param {string} file */
  storedModule(file) {
    return (this.stored ?? this.hold(readStore(this.started).modules)).get(file)?.();
  }

  install() {
    const kept = this;
    const { load, _compile: compile } = node.prototype;
    node._resolveFilename = function resolveKept(request, parent, isMain, options) {
      return kept.resolved(request, parent, isMain, options);
    };
    node.prototype.load = function loadKept(/** @type {string} */ file) {
      const stored = kept.storedModule(file);
      if (stored === undefined) {
        if (CODE.test(file)) kept.loadTypeScript();
        load.call(this, file);
      } else {
        this.filename = file;
        this.paths = node._nodeModulePaths(path.dirname(file));
        kept.run(this, file, stored);
        this.loaded = true;
      }
    };
    node.prototype._compile = function compileKept(
      /** @type {string} */ text,
      /** @type {string} */ file,
      /** @type {string | undefined} */ format,
    ) {
      if (!kept.isKept(file) || (format !== undefined && format !== 'commonjs')) return compile.call(this, text, file, format);
      const plain = kept.withoutImports(text, file);
      if (!kept.isOwn(file) && IMPORT.test(plain)) return compile.call(this, text, file, format); // A package's own folder decides what it imports.
      kept.hasNew = true;
      return kept.run(this, file, { ...withoutMap(plain), code: undefined });
    };
    Error.prepareStackTrace = (error, frames) => `${titleOf(error)}${frames.map((frame) => `\n    at ${this.inSource(frame)}`).join('')}`;
    process.on('exit', (code) => {
      if (code === 0 && this.hasNew) this.keep();
    });
  }

  /** @type {Resolve} */
  resolved(request, parent, isMain, options) {
    const from = parent?.filename;
    if (Module.isBuiltin(request)) return request;
    if (/\.(?:json|node)$/.test(request)) return this.resolve.call(Module, request, parent, isMain, options);
    const known = from === undefined || options !== undefined ? undefined : this.resolutions.get(from)?.get(request);
    if (known !== undefined) return known;
    this.loadTypeScript();
    const found = this.resolve.call(Module, request, parent, isMain, options);
    if (from !== undefined && options === undefined && this.isKept(from) && this.isKept(found)) {
      const requests = this.resolutions.get(from) ?? new Map();
      this.resolutions.set(from, requests.set(request, found));
      this.hasNew = true;
    } else if (CODE.test(found) && !this.isInstalled(found)) this.loadImports();
    return found;
  }

  /** Lets TypeScript be required: only where something of it is not in the store. */
  loadTypeScript() {
    if (this.typescript) return;
    this.typescript = true;
    const onTop = node._resolveFilename;
    node._resolveFilename = this.resolve;
    // @ts-expect-error tsx publishes no types for its loader.
    require('tsx/cjs');
    this.resolve = node._resolveFilename;
    node._resolveFilename = onTop;
  }

  /** Lets TypeScript be imported, as files of a user's own may do. */
  loadImports() {
    if (this.imports) return;
    this.imports = true;
    Module.register(pathToFileURL(require.resolve('tsx/esm')), { data: {} });
  }

  /** @param {LoadedModule} module @param {string} file @param {import('./module-store').StoredModule} stored */
  run(module, file, { text, code, map }) {
    const script = new vm.Script(Module.wrap(text), {
      filename: file,
      columnOffset: -Module.wrap('').indexOf('\n'),
      ...(code === undefined ? {} : { cachedData: code }),
    });
    if (code === undefined) this.added.set(file, { text, script, map });
    return script.runInThisContext().call(module.exports, module.exports, this.requireOf(module), module, file, path.dirname(file));
  }

  /** A frame of a stack, at its place in the source. @param {NodeJS.CallSite} frame */
  inSource(frame) {
    const text = String(frame);
    const [file, line, column] = [frame.getFileName() ?? '', frame.getLineNumber(), frame.getColumnNumber()];
    const { map } = this.added.get(file) ?? this.storedModule(file) ?? {};
    if (map === undefined || line === null || column === null) return text;
    const place = new Module.SourceMap(JSON.parse(Buffer.from(map, 'base64').toString())).findEntry(line - 1, column - 1);
    return 'originalLine' in place ? text.replace(`:${line}:${column}`, `:${place.originalLine + 1}:${place.originalColumn + 1}`) : text;
  }

  /** Gives the next start what this one was given, and what came to it. */
  keep() {
    const modules = new Map(readStore(this.started).modules);
    for (const [file, { text, script, map }] of this.added) modules.set(file, () => ({ text, map, code: script.createCachedData() }));
    writeStore(this.started, { modules, resolutions: this.resolutions }, Date.now() - process.uptime() * 1000);
  }

  /** Whether a file is the project's own or of a package: what a user wrote is loaded anew each time. @param {string} file */
  isKept(file) {
    return this.isInstalled(file) && !TRANSLATOR.test(file) && statSync(file, { throwIfNoEntry: false }) !== undefined;
  }

  /** @param {string} file */
  isInstalled(file) {
    return this.isOwn(file) || this.packageFolders.some((folder) => file.startsWith(folder));
  }

  /** @param {string} file */
  isOwn(file) {
    return this.ownFolders.some((folder) => file.startsWith(folder));
  }

  /** Scripts that are compiled here cannot import: they ask what they require with. @param {string} text @param {string} file */
  withoutImports(text, file) {
    const plain = text.replace(/^#!.*/, '');
    return this.isOwn(file) ? plain.replaceAll(/(?<![\w$.'"`]|async )import\(/g, 'require.imported(') : plain;
  }

  /** What a module requires with, as Node makes it. @param {LoadedModule} module @returns {NodeJS.Require} */
  requireOf(module) {
    const required = /** @type {NodeJS.Require} */ ((/** @type {string} */ request) => module.require(request));
    const resolve = (/** @type {string} */ request, /** @type {object | undefined} */ options) =>
      node._resolveFilename(request, module, false, options);
    const paths = (/** @type {string} */ request) => Module.createRequire(module.filename).resolve.paths(request);
    const imported = async (/** @type {string} */ request) => {
      if (!this.isRequired(request)) return import(request);
      const exported = required(request);
      return exported.__esModule === true ? exported : { ...exported, default: exported };
    };
    return Object.assign(required, {
      imported,
      resolve: Object.assign(resolve, { paths }),
      main: process.mainModule,
      extensions: node._extensions,
      cache: node._cache,
    });
  }

  /**
   * Whether something that is imported can be required as well: a file of the project's own; and yargs, of which tsx makes what can be required, so that the store
   * holds it too.
   * @param {string} request
   */
  isRequired(request) {
    return request.startsWith('.') || (this.translates && request === 'yargs');
  }
}

/** What Node alone may not be able to load. */
const CODE = /\.(?:[mc]?ts|m?js)$/;

/** An import while it runs, in a line that is no comment. */
const IMPORT = /^(?!\s*(?:\*|\/\/)).*\bimport\(/m;

/** What loads TypeScript finds its own files in its own way, and is only loaded where the store lacks something. */
const TRANSLATOR = /[?]|[/\\]node_modules[/\\](?:tsx|esbuild|get-tsconfig)[/\\]/;

/** @param {string} text */
function withoutMap(text) {
  const found = /\n\/\/# sourceMappingURL=data:application\/json;(?:charset=utf-8;)?base64,([A-Za-z0-9+/=]+)\s*$/.exec(text);
  return found === null ? { text, map: undefined } : { text: text.slice(0, found.index), map: found[1] };
}

/** @param {Error} error */
function titleOf(error) {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return 'Error';
  }
}

module.exports = { keepModules };
