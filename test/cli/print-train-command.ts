// Prints what `parseTrainCommand` makes of the arguments, as JSON: yargs is an ES module, which jest cannot load, so the tests spawn this.
import { parseTrainCommand } from '../../src/cli/train';

void parseTrainCommand(process.argv.slice(2), 100).then((typed) => {
  process.stdout.write(JSON.stringify(typed));
});
