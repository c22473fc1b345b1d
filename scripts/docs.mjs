// `npm run docs`: generates the pages of docs/ that are derived from the code.
import { configuration } from './configuration.mjs';
import { dataDictionary } from './data-dictionary.mjs';
import { writePage } from './pages.mjs';

for (const page of [dataDictionary, configuration]) await writePage(page);
