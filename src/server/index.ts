export type { WireLimits } from '../wire/messages.js';
export type { GrantLimits, Permission } from './grant.js';
export type { Keep, Kept } from './keep.js';
export type { Log } from './log.js';
export type { Certificate, ServeOptions } from './options.js';
export { type Server, serve } from './serve.js';
export type { Models, Serveable } from './served.js';
export { parseTokens, type TokenConfig } from './tokens.js';
