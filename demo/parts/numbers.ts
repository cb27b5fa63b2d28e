/** A row of named numbers. */
export function createNumbers(list: HTMLElement, names: readonly string[]): (values: readonly string[]) => void {
  const cells = names.map(name => {
    const group = document.createElement('div');
    const term = document.createElement('dt');
    const value = document.createElement('dd');
    term.textContent = name;
    value.textContent = '–';
    group.append(term, value);
    list.append(group);
    return value;
  });
  return values => {
    for (const [i, text] of values.entries()) if (cells[i].textContent !== text) cells[i].textContent = text;
  };
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function count(value: number): string {
  return whole.format(value);
}

export function percent(share: number): string {
  return `${whole.format(100 * share)}\u00A0%`;
}
