// Generated from schemas/blueprint.schema.json by scripts/build-validators.mjs. Do not edit.
import type { Schema } from './validate.ts';

const provider: Schema = { type: ["string","null"] };
const mode: Schema = { type: ["string","null"] };
const reference: Schema = { type: ["string","null"], pattern: "\\S" };
const backend: Schema = { enum: ["auto","llama.cpp","vllm",null] };
const contextSize: Schema = { type: ["integer","null"], minimum: 1 };
const required: Schema = { type: ["boolean","null"] };
const apiBase: Schema = { type: ["string","null"] };
const number: Schema = { type: ["number","null"], minimum: 0 };
const llmConfig: Schema = { type: ["object","null"], properties: { "provider": provider, "mode": mode, "runtime_model": reference, "model": reference, "backend": backend, "context_size": contextSize, "required": required, "api_base": apiBase, "max_tokens": number, "timeout_seconds": number, "num_retries": number, "retry_backoff_seconds": number } };
export const llm: Schema = { type: ["object","null"], properties: { "enabled": { type: ["boolean","null"] }, "default_config": { type: ["string","null"] }, "configs": { type: ["object","null"], additionalProperties: llmConfig }, "provider": provider, "mode": mode, "model": reference, "runtime_model": reference, "backend": backend, "context_size": contextSize, "required": required, "api_base": apiBase, "max_tokens": number, "timeout_seconds": number, "num_retries": number, "retry_backoff_seconds": number } };
const runtimeModel: Schema = { type: ["object","null"], properties: { "provider": provider, "runtime_model": reference, "model": reference, "backend": backend, "context_size": contextSize, "required": required, "install_mode": { type: ["string","null"] }, "customize_mode": { const: true }, "source": { type: ["object","null"], required: ["type","path","format"], properties: { "type": { const: "payload" }, "path": { type: "string", pattern: "\\S" }, "format": { enum: ["gguf","safetensors","dduf"] }, "digest": { type: ["string","null"], pattern: "^sha256:[0-9a-fA-F]{64}$" }, "mmproj_path": { type: ["string","null"] }, "chat_template_path": { type: ["string","null"] }, "license_path": { type: ["string","null"] } } } } };
export const runtimeModels: Schema = { type: ["object","null"], additionalProperties: runtimeModel };
export const knowledgeRag: Schema = { type: ["object","null"], properties: { "enabled": { type: ["boolean","null"] }, "embedding_model": reference, "embedding_provider": provider } };
export const inputSkill: Schema = { type: ["object","null"], properties: { "enabled": { type: ["boolean","null"] }, "connector": provider, "model": reference, "runtime_model": reference, "backend": backend, "context_size": contextSize } };
export const manifestDefaults: Schema = { type: ["array","null"], items: { type: ["string","object"], pattern: "\\S", required: ["from","to"], properties: { "from": { type: "string", pattern: "\\S" }, "to": { type: "string", pattern: "\\S" } } } };
