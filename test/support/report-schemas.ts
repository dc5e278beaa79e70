import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { memoryPages, validateXML } from 'xmllint-wasm';

const uriReference = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;
const {
  id: _id,
  $schema: _draft04,
  ...sarif
} = JSON.parse(readFileSync(new URL('../fixtures/sarif-2.1.0-rtm.5.json', import.meta.url), 'utf8'));

/** The official schema of SARIF 2.1.0. It says the same in draft 4 and in draft 7: it uses nothing that changed between them. */
export const isSarif = new Ajv({
  strict: false,
  // One of its patterns is none in the strict syntax.
  unicodeRegExp: false,
  formats: {
    uri: (text: string) => uriReference.test(text) && URL.canParse(text),
    'uri-reference': uriReference,
    'date-time': true,
  },
}).compile(sarif);

/** The JSON report's own schema. */
export const isReport = new Ajv2020({
  allErrors: true,
  validateFormats: false,
  allowUnionTypes: true,
}).compile(JSON.parse(readFileSync(new URL('../../schemas/report.schema.json', import.meta.url), 'utf8')));

const junit = readFileSync(new URL('../fixtures/junit.xsd', import.meta.url), 'utf8');

/** What xmllint says of JUnit texts; all in one run, because starting it takes a tenth of a second. */
export async function junitProblems(texts: readonly string[]): Promise<string[]> {
  const { valid, errors, rawOutput } = await validateXML({
    xml: texts.map((contents, at) => ({ fileName: `${at}.xml`, contents })),
    schema: junit,
    initialMemoryPages: 64 * memoryPages.MiB,
    maxMemoryPages: memoryPages.GiB,
  });
  return valid ? [] : errors.length > 0 ? errors.map(({ rawMessage }) => rawMessage) : [rawOutput];
}
