import { started } from '../../engine/native-section.js';

/** The first task of every worker: it is given once the job's modules have been loaded. */
export default started;
