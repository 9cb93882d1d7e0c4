/** The engine alone: what `import … from 'kumpas/engine'` gives. It knows nothing of signs. */
export { startRuntime, type Runtime, type RuntimeOptions } from './runtime';
export { tf } from './tensorflow';
export { createProgram, type ProgramOptions } from './create-program';
export type { Program, ProgramDefinition } from './program';
