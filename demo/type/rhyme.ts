/** "This Is the House That Jack Built", an English nursery rhyme (first printed in 1755; in the public domain). */
const parts = [
  ['the house that Jack built'],
  ['the malt', 'lay in'],
  ['the rat', 'ate'],
  ['the cat', 'killed'],
  ['the dog', 'worried'],
  ['the cow with the crumpled horn', 'tossed'],
  ['the maiden all forlorn', 'milked'],
  ['the man all tattered and torn', 'kissed'],
  ['the priest all shaven and shorn', 'married'],
  ['the cock that crowed in the morn', 'waked'],
  ['the farmer sowing his corn', 'kept'],
];

/** The whole rhyme: each verse is the one before with a line more, so what was read helps with what comes. */
export const rhyme = `${parts
  .map((_, last) => {
    const lines = parts.slice(0, last + 1).reverse();
    return lines.map(([who], i) => (i === 0 ? `This is ${who}` : `That ${lines[i - 1][1]} ${who}`)).join('\n');
  })
  .join('.\n\n')}.\n`;
