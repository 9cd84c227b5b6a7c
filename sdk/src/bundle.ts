// What is built into dist: the public interface as exports and as the global StreamCat.
import * as StreamCat from './index.js';

export * from './index.js';

Object.assign(globalThis, { StreamCat });
