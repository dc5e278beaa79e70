// Generated from schemas/catalog.schema.json by scripts/build-validators.mjs. Do not edit.
import type { Schema } from './validate.ts';

const optionalReference: Schema = { type: ["string","null"], pattern: "^[^-\\s\\x00-\\x1f\\x7f-\\x9f][^\\s\\x00-\\x1f\\x7f-\\x9f]{0,511}$" };
const reference: Schema = { type: "string", pattern: "^[^-\\s\\x00-\\x1f\\x7f-\\x9f][^\\s\\x00-\\x1f\\x7f-\\x9f]{0,511}$" };
const requirements: Schema = { type: ["object","null"], properties: { "min_vram_gb": { type: ["number","null"], minimum: 0 }, "min_unified_memory_gb": { type: ["number","null"], minimum: 0 }, "min_cpu_ram_gb": { type: ["number","null"], minimum: 0 } } };
const keyedEntry: Schema = { type: "object", required: ["model"], properties: { "id": optionalReference, "name": { type: ["string","null"] }, "provider": { type: ["string","null"] }, "model": reference, "dmr_model": optionalReference, "docker_model": optionalReference, "api_model": optionalReference, "aliases": { type: ["array","null"], items: reference }, "backend": optionalReference, "backends": { type: ["array","null"], items: reference }, "context_size": { type: ["integer","null"], minimum: 1 }, "fallback_model": optionalReference, "requirements": requirements } };
export const entry: Schema = { $ref: keyedEntry, type: "object", required: ["id"], properties: { "id": { type: "string" } } };
