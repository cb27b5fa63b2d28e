import { draw } from '../draw/draw.js';
import { inside } from '../inside/inside.js';
import { listen } from '../listen/listen.js';
import { sense } from '../sense/sense.js';
import { type } from '../type/type.js';
import type { Page } from './page.js';

/** In the order of their tabs; the first one is shown where the address names none. */
export const pages: readonly Page[] = [sense, type, draw, listen, inside];
