/** What is to be done, and when. */
export interface Agenda {
  /** Returns what takes it back. */
  after(milliseconds: number, call: () => void): () => void;
  /** Takes out what comes first, if its time has come by then. */
  next(until: number): { readonly at: number; readonly call: (() => void) | undefined } | undefined;
}

export function createAgenda(now: () => number): Agenda {
  const events: { readonly at: number; call: (() => void) | undefined }[] = [];
  return {
    after(milliseconds, call) {
      const event: (typeof events)[number] = { at: now() + milliseconds, call };
      let place = events.length;
      while (place > 0 && events[place - 1].at > event.at) place--;
      events.splice(place, 0, event);
      return () => {
        event.call = undefined;
      };
    },
    next: until => (events.length > 0 && events[0].at <= until ? events.shift() : undefined),
  };
}
