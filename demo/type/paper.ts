import type { Subscription } from 'rxjs';
import { onResize } from '../parts/size.js';

/** One character on the paper, and how surprised the network was by it. */
export interface Mark {
  readonly character: string;
  /** In bits; undefined while it is not known. */
  bits: number | undefined;
}

export interface Paper {
  readonly marks: readonly Mark[];
  /** Puts text at the end, as if it was typed: as much as there is room for. */
  append(text: string): void;
  /** There is no more room. */
  readonly full: boolean;
  clear(): void;
  /** A mark has its bits now. */
  tint(mark: Mark): void;
  /** What the network expects after the end. */
  readonly ghost: string;
  expect(text: string): void;
  readonly caretAtEnd: boolean;
}

/** Bits from which a character has the full tint. */
const shock = 10;

/**
 * A text area, and behind it the same text again, in which each character is tinted by its surprise and followed by the ghost.
 *
 * @param marks what is on it at first
 * @param typed told whenever the text has changed, of each character that was put in, in order
 */
export function createPaper(
  area: HTMLTextAreaElement,
  behind: HTMLElement,
  marks: Mark[],
  typed: (marks: readonly Mark[]) => void,
  life: Subscription,
): Paper {
  const spans = new Map<Mark, HTMLElement>();
  const ghost = document.createElement('span');
  ghost.className = 'expected';
  behind.append(ghost);

  const fit = (): void => {
    behind.style.width = `${area.clientWidth}px`;
    behind.scrollTop = area.scrollTop;
  };
  const tint = (mark: Mark): void => {
    const span = spans.get(mark);
    if (span && mark.bits !== undefined)
      span.style.setProperty('--surprise', `${Math.min(1, mark.bits / shock).toFixed(2)}`);
  };

  const put = (mark: Mark, before: HTMLElement): void => {
    const span = document.createElement('span');
    span.textContent = mark.character;
    spans.set(mark, span);
    before.before(span);
    tint(mark);
  };

  /** The text has changed: what is new between the common beginning and the common end was typed. */
  const compare = (): void => {
    const now = Array.from(area.value);
    let start = 0;
    while (start < now.length && start < marks.length && now[start] === marks[start].character) start++;
    let same = 0;
    while (
      same < now.length - start &&
      same < marks.length - start &&
      now[now.length - 1 - same] === marks[marks.length - 1 - same].character
    )
      same++;
    // What was composed was taken as it is.
    if (now.length === marks.length && same + start === now.length) return;
    const fresh = now.slice(start, now.length - same).map((character): Mark => ({ character, bits: undefined }));
    const gone = marks.splice(start, marks.length - same - start, ...fresh);
    for (const mark of gone) {
      spans.get(mark)?.remove();
      spans.delete(mark);
    }
    const following = marks[start + fresh.length];
    const before = following ? spans.get(following)! : ghost;
    for (const mark of fresh) put(mark, before);
    ghost.textContent = '';
    fit();
    typed(fresh);
  };

  area.value = marks.map(({ character }) => character).join('');
  for (const mark of marks) put(mark, ghost);
  area.addEventListener('input', compare);
  area.addEventListener('scroll', fit);
  onResize(area, fit, life);

  return {
    marks,
    append(text) {
      const atEnd = area.scrollHeight - area.scrollTop - area.clientHeight < 60;
      const { length } = area.value;
      area.setRangeText(text.slice(0, area.maxLength - length), length, length, 'end');
      if (atEnd) area.scrollTop = area.scrollHeight;
      compare();
    },
    get full() {
      return area.value.length >= area.maxLength;
    },
    clear() {
      area.value = '';
      compare();
    },
    tint,
    get ghost() {
      return ghost.textContent ?? '';
    },
    expect(text) {
      ghost.textContent = text;
      fit();
    },
    get caretAtEnd() {
      return area.selectionStart === area.selectionEnd && area.selectionEnd === area.value.length;
    },
  };
}
