// Runs before every run of Jest, also in watch mode: acceptance tests start the build, which must be current.
import { prepare } from './prepare.mjs';

export default () => prepare();
