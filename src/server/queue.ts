/**
 * First in, first out, in memory that it keeps: an array that is emptied each turn gives its memory away each time, which is as much
 * garbage as the rest of an answer.
 */
export interface Queue<Item> {
  /** As many places as a power of 2; those in use begin at `first`, and go round. */
  places: (Item | undefined)[];
  first: number;
  length: number;
}

/** Places that are kept where nothing is in them, at most. */
const mostEmpty = 4096;

/** @param places to begin with, a power of 2 */
export function createQueue<Item>(places = 16): Queue<Item> {
  return { places: new Array(places).fill(undefined), first: 0, length: 0 };
}

export function add<Item>(queue: Queue<Item>, item: Item): void {
  if (queue.length === queue.places.length) grow(queue);
  queue.places[(queue.first + queue.length) & (queue.places.length - 1)] = item;
  queue.length++;
}

/** Puts one before all others. */
export function addFirst<Item>(queue: Queue<Item>, item: Item): void {
  if (queue.length === queue.places.length) grow(queue);
  queue.first = (queue.first - 1) & (queue.places.length - 1);
  queue.places[queue.first] = item;
  queue.length++;
}

function grow<Item>(queue: Queue<Item>): void {
  const { length } = queue;
  queue.places = Array.from({ length: 2 * length }, (_, i) => (i < length ? at(queue, i) : undefined));
  queue.first = 0;
}

/** The one after `index` others. */
export function at<Item>({ places, first }: Queue<Item>, index: number): Item {
  return places[(first + index) & (places.length - 1)]!;
}

/** The first, which is not in it any more; there must be one. */
export function take<Item>(queue: Queue<Item>): Item {
  const { places, first } = queue;
  const item = places[first]!;
  places[first] = undefined;
  queue.first = (first + 1) & (places.length - 1);
  queue.length--;
  if (queue.length === 0 && places.length > mostEmpty) Object.assign(queue, createQueue<Item>());
  return item;
}
