/** `npm start`: prepares the machine, builds what changed, opens the console with its lab. */
import { buildAll } from './build.js';
import { prepareOrExit } from './prepare.js';
import { prepareLaunch } from './support/launch.js';
import { runInOurPlace } from './support/run.js';

const [built] = await Promise.all([buildAll(), prepareOrExit('start')]);
if (built.length > 0) console.log(`Built ${built.join(', ')}.`);
const launch = await prepareLaunch(process.argv.slice(2), console.log);
process.exitCode = await runInOurPlace(launch.executable, launch.args, launch.environment);
launch.end();
