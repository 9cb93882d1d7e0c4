// @ts-check
// Prepares everything on purpose: says what it finds and does, tries again what failed before, and prepares anew what does not load.
require('../src/engine/provision/node-version').requireSupportedNode();
const { runScript, setUp, setUpVideos } = require('../src/engine/provision/prepare');
const { typedFlags } = require('./script-flags');

runScript(async () => {
  const summary = "Prepares the npm packages and TensorFlow's native library, and says what it finds and does.";
  const flags = typedFlags({
    script: 'setup',
    summary,
    flags: { videos: 'MediaPipe too, which `npm run data -- extract` reads videos with.' },
  });
  if (flags === undefined) return;
  await setUp();
  if (flags.has('videos')) await setUpVideos();
});
