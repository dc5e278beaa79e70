import { main } from './action/action.ts';

void main(process.env);
