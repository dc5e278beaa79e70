// The floor: `node floor.mjs read|parse FOLDER AMOUNT` reads, or reads and parses, the files of so many blueprints,
// and does nothing else.
import { readFileSync } from 'node:fs';
import { blueprintFiles } from './blueprints.mjs';

const [, , work, folder, amount] = process.argv;
process.chdir(folder);
if (work === 'read') for (const file of blueprintFiles(Number(amount))) readFileSync(file, 'utf8');
else for (const file of blueprintFiles(Number(amount))) JSON.parse(readFileSync(file, 'utf8'));
