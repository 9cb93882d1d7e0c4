/**
 * The rooms of src/ and what each may use. The map in the README's architecture section is this rule.
 * Every room may use `foundation` and `config`; `config` itself uses only `foundation`.
 */
const MAY_USE = {
  foundation: [],
  config: [],
  engine: [],
  data: ['checkpoint'],
  checkpoint: [],
  folder: ['checkpoint'],
  models: ['engine'],
  evaluation: ['engine', 'data', 'models', 'checkpoint', 'folder'],
  extraction: ['engine', 'data', 'models', 'checkpoint', 'folder', 'evaluation'],
  training: ['engine', 'data', 'models', 'checkpoint', 'folder', 'evaluation'],
  conversion: ['engine', 'data', 'models', 'checkpoint', 'folder', 'evaluation', 'training'],
  zoo: ['engine', 'data', 'models', 'checkpoint', 'folder', 'evaluation', 'training'],
  app: ['data', 'models', 'folder', 'evaluation', 'extraction', 'training', 'zoo'],
};

/** The page of an exported model: it computes in the browser, and reads what the export writes beside it. */
const SITE = 'src/app/page/site/';

const everyRoomMayUse = (room) => (room === 'foundation' ? [] : room === 'config' ? ['foundation'] : ['foundation', 'config']);

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...Object.entries(MAY_USE).map(([room, rooms]) => ({
      name: `room-${room}`,
      severity: 'error',
      comment: `src/${room} may use: ${[...everyRoomMayUse(room), ...rooms].join(', ') || 'no other room'}`,
      from: { path: `^src/${room}/`, pathNot: `^${SITE}` },
      to: { path: '^src/', pathNot: `^src/(${[room, ...everyRoomMayUse(room), ...rooms].join('|')})/` },
    })),
    {
      name: 'page-of-an-exported-model',
      severity: 'error',
      comment: `${SITE} may use what the app may, the engine, and what conversion/web says of its files`,
      from: { path: `^${SITE}` },
      to: { path: '^src/', pathNot: `^src/(foundation|config|engine|app/page|${MAY_USE.app.join('|')}|conversion/web/site-description)` },
    },
    {
      name: 'library-without-command-line',
      severity: 'error',
      comment: 'src/index.ts, the library, uses every room but cli',
      from: { path: '^src/index.ts$' },
      to: { path: '^src/cli/' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        path: '^src/',
        pathNot: '^src/(evaluation/report/interaction\\.js|engine/provision/node-version\\.js|engine/browser/wasm\\.d\\.ts)$',
      },
      to: {},
    },
    { name: 'source-never-imports-tests', severity: 'error', from: { path: '^(src|bench)/' }, to: { path: '^test/' } },
    {
      name: 'tensorflow-through-the-engine',
      severity: 'error',
      comment: 'TensorFlow is imported in src/engine only',
      from: { path: '^src/', pathNot: '^src/engine/' },
      to: { path: 'node_modules/@tensorflow' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
