#!/usr/bin/env node
import { main } from './cli/program.ts';

void main(process.argv.slice(2));
