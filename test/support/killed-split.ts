/** Splits a collection by moving, and ends as `kill -9` does, when so many clips are moved: `CLIPS OUT MOVED`. */
import { splitSet } from '../../src/data/collections/split-set';

const [clips = '', out = '', moved = ''] = process.argv.slice(2);

void splitSet(
  { clips, out, how: 'move' },
  {
    onEvent: (event) => {
      if (event.kind === 'clips-placed' && event.done === Number(moved)) process.kill(process.pid, 'SIGKILL');
    },
  },
);
