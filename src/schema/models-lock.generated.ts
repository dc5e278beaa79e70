// Generated from schemas/models-lock.schema.json by scripts/build-validators.mjs. Do not edit.
import type { Schema } from './validate.ts';

const digest: Schema = { type: "string", pattern: "^sha256:[0-9a-fA-F]{64}$" };
const file: Schema = { type: "object", required: ["path","size"], properties: { "path": { type: "string" }, "digest": digest, "size": { type: "integer", minimum: 0 } } };
const model: Schema = { type: "object", required: ["size"], properties: { "digest": digest, "size": { type: "integer", minimum: 0 }, "files": { type: "array", items: file } } };
export const lock: Schema = { type: "object", required: ["schema","models"], properties: { "$schema": { type: "string" }, "schema": { const: "model-check.models-lock/v1" }, "models": { type: "object", additionalProperties: model } } };
