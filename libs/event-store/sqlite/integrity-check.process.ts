import { DatabaseSync } from '@photostructure/sqlite';
import { findDamage } from './integrity-check.js';

// A process and not a thread: SQLite cannot be interrupted, and a thread would delay the end of the service.
const db = new DatabaseSync(process.argv[2], { readOnly: true });
console.log(JSON.stringify(findDamage(db, 'quick')));
