export type { WireLimits } from '../wire/messages.js';
export type { GrantLimits, Permission } from './grant.js';
export type { ServeOptions } from './options.js';
export { type Server, serve } from './serve.js';
export type { Models } from './served.js';
export { parseTokens, type TokenConfig } from './tokens.js';
