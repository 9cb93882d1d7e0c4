// @ts-check
// The flags of scripts that run before anything is installed.
const { SetUpProblem } = require('../src/engine/provision/set-up-problem');

/**
 * What was typed after a script's name.
 * @template {string} Flag
 * @param {{ script: string, summary: string, flags: Record<Flag, string> }} given flags: what each does, by name
 * @returns {Set<Flag> | undefined} undefined where help was asked for, and shown
 * @throws {SetUpProblem} for what the script does not take
 */
function typedFlags({ script, summary, flags }) {
  const [first, ...rest] = process.argv.slice(2);
  const typed = first === script ? rest : process.argv.slice(2); // `kumpas setup` runs the script too.
  const known = /** @type {Flag[]} */ (Object.keys(flags));
  // npm keeps flags for itself that are typed before two dashes alone, and hands them on in the environment.
  const kept = process.env['npm_lifecycle_event'] === script ? known.filter((name) => process.env[`npm_config_${name}`] === 'true') : [];
  if (typed.includes('--help') || typed.includes('-h')) {
    const rows = [...known.map((name) => [`--${name}`, flags[name]]), ['--help', 'Show this help.']];
    const lines = rows.map(([name = '', does = '']) => `  ${name.padEnd(10)}${does}\n`);
    process.stdout.write(`${summary}\n\nUsage: npm run ${script} -- [flags]\n\n${lines.join('')}`);
    return undefined;
  }
  const unknown = typed.filter((word) => !known.some((name) => word === `--${name}`));
  if (unknown.length > 0) {
    const takes =
      known.length === 0 ? 'it takes no flags but --help' : `it takes ${known.map((name) => `--${name}`).join(', ')} and --help`;
    throw new SetUpProblem(`${script}: "${unknown.join(' ')}" is none of its flags`, `Leave it out: ${takes}`);
  }
  return new Set(known.filter((name) => kept.includes(name) || typed.includes(`--${name}`)));
}

module.exports = { typedFlags };
