/** A record whose last cell stands in quotes that have not ended: it goes on in the next line. */
export interface Unended {
  readonly cells: readonly string[];
  readonly cell: string;
}

/**
 * Reads one line on: the cells of a record that ends with it, a record that goes on, or in words what is wrong. A cell in quotes may hold
 * delimiters, line ends and doubled quotes; blanks around a cell are none of it.
 *
 * @param begun a record that goes on with this line
 */
export function readCells(line: string, delimiter: string, begun?: Unended): readonly string[] | Unended | string {
  if (!begun && !line.includes('"')) return line.split(delimiter).map(cell => cell.trim());
  const cells = begun ? [...begun.cells] : [];
  let cell = begun ? `${begun.cell}\n` : '';
  let place: 'bare' | 'quoted' | 'after' = begun ? 'quoted' : 'bare';
  const endCell = (): void => {
    cells.push(place === 'after' ? cell : cell.trim());
    cell = '';
    place = 'bare';
  };
  for (let i = 0; i < line.length; i++) {
    const character = line[i];
    if (place === 'quoted') {
      if (character !== '"') cell += character;
      else if (line[i + 1] === '"') cell += line[++i];
      else place = 'after';
    } else if (character === delimiter) endCell();
    else if (place === 'bare' && character !== '"') cell += character;
    else if (place === 'bare' && cell.trim() === '') {
      cell = '';
      place = 'quoted';
    } else if (character.trim() !== '') {
      return `expected cell ${cells.length + 1} to be in quotes as a whole, those in it doubled, or to have none`;
    }
  }
  if (place === 'quoted') return { cells, cell };
  endCell();
  return cells;
}
