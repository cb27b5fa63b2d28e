/** States that are asked for, or put in the place of the stream's: who waits for which, until it is answered. */
import type { Opened, SnapshotData } from '../wire/messages.js';

export interface States {
  /** Somebody asks for a state, and waits. */
  snapshot(): Promise<SnapshotData>;
  /** Somebody gives a state to put in place, and waits. */
  restore(): Promise<Opened>;
  /** The next one that is waited for was asked for at the server. */
  ask(): void;
  /** So many were, and have not come. */
  asked(): number;
  /** The oldest of them has come. */
  answer(data: SnapshotData): void;
  /** The next one that was given went out, the `nth` message that `takenMessages` counts. */
  putNext(nth: number): void;
  /** It has gone out, and nothing has been said of it: the next one has to wait. */
  isRestoring(): boolean;
  /** It is among the first `taken` messages that are no frames. */
  isTaken(taken: number): boolean;
  /** It is in place, if there is one. */
  restored(): void;
  /** It is refused; false if there is none. */
  refused(error: unknown): boolean;
  /**
   * What was said of it may have been lost. All that is said of it comes before the answer to what is asked now: true if a state is to be
   * asked for, which nobody waits for.
   */
  askAfter(): boolean;
  /** The server has something to say of them. */
  isDue(): boolean;
  /** Nothing comes any more. */
  end(error: unknown): void;
}

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

interface Restoring extends Waiter<Opened> {
  /** Counts as `takenMessages` does; 0 where it has not been sent. */
  nth: number;
  /** A state was asked for after it. */
  asked: boolean;
}

/**
 * @param opened what the session is, as it was told last
 * @param next the next one that was given may go
 */
export function createStates(opened: () => Opened, next: () => void): States {
  /** The first `asked` of them were asked for at the server. */
  const snapshots: Waiter<SnapshotData>[] = [];
  let asked = 0;
  /** Only the first may have gone out, so that it is known which of them an answer is for. */
  const restores: Restoring[] = [];

  const underWay = (): Restoring | undefined => (restores.length > 0 && restores[0].nth > 0 ? restores[0] : undefined);

  /** Something was said of the one that has gone out. */
  function settle(): Restoring | undefined {
    const restoring = underWay();
    if (restoring === undefined) return undefined;
    restores.shift();
    next();
    return restoring;
  }

  return {
    snapshot: () => new Promise((resolve, reject) => snapshots.push({ resolve, reject })),
    restore: () => new Promise((resolve, reject) => restores.push({ resolve, reject, nth: 0, asked: false })),
    ask() {
      asked++;
    },
    asked: () => asked,
    answer(data) {
      asked--;
      snapshots.shift()?.resolve(data);
    },
    putNext(nth) {
      restores[0].nth = nth;
    },
    isRestoring: () => underWay() !== undefined,
    isTaken(taken) {
      const restoring = underWay();
      return restoring !== undefined && restoring.nth <= taken;
    },
    restored() {
      settle()?.resolve(opened());
    },
    refused(error) {
      const restoring = settle();
      restoring?.reject(error);
      return restoring !== undefined;
    },
    askAfter() {
      const restoring = underWay();
      if (restoring === undefined || restoring.asked) return false;
      restoring.asked = true;
      const resolve = (): void => {
        if (underWay() === restoring) settle()!.resolve(opened());
      };
      snapshots.splice(asked, 0, { resolve, reject() {} });
      asked++;
      return true;
    },
    isDue: () => asked > 0 || restores.length > 0,
    end(error) {
      for (const { reject } of [...snapshots.splice(0), ...restores.splice(0)]) reject(error);
    },
  };
}
