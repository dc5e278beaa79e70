// The floor: reads and parses the files of `node floor.mjs FOLDER AMOUNT`, and nothing else.
import { readFileSync } from 'node:fs';
import { blueprintFiles } from './blueprints.mjs';

process.chdir(process.argv[2]);
for (const file of blueprintFiles(Number(process.argv[3]))) JSON.parse(readFileSync(file, 'utf8'));
