/** What moves the cursor, or takes something away; colours move nothing. */
const orders = new RegExp(`${String.fromCharCode(27)}\\[(?<codes>[0-9;?]*)(?<letter>[A-Za-z])`, 'y');

/**
 * The lines that a terminal shows, also those that it has scrolled away, after all that it was sent: redrawn lines as they were at last.
 * Knows what prompts and progress send: the cursor up, down, left, right and to a column, a line or what is below taken away.
 * @param columns of the terminal; what is longer goes on in the next line
 */
export function linesShown(sent: string, columns: number): readonly string[] {
  const lines: string[][] = [[]];
  let [row, column] = [0, 0];
  const lineAt = (at: number): string[] => {
    while (lines.length <= at) lines.push([]);
    return lines[at] ?? [];
  };
  const put = (letter: string): void => {
    if (column >= columns) [row, column] = [row + 1, 0];
    const line = lineAt(row);
    while (line.length < column) line.push(' ');
    line[column++] = letter;
  };
  const obey = (letter: string, codes: string): void => {
    const count = Math.max(1, Number.parseInt(codes, 10) || 1);
    if (letter === 'A') row = Math.max(0, row - count);
    else if (letter === 'B') row += count;
    else if (letter === 'C') column += count;
    else if (letter === 'D') column = Math.max(0, column - count);
    else if (letter === 'G') column = count - 1;
    else if (letter === 'K') lineAt(row).splice(codes === '2' ? 0 : column);
    else if (letter === 'J') {
      lineAt(row).splice(column);
      lines.splice(row + 1);
    } else if (!'mhl'.includes(letter))
      throw new Error(`the terminal was sent an order that is not known: ${codes}${letter}`);
  };
  for (let i = 0; i < sent.length; i++) {
    orders.lastIndex = i;
    const order = orders.exec(sent)?.groups;
    if (order !== undefined) {
      obey(order.letter ?? '', order.codes ?? '');
      i = orders.lastIndex - 1;
    } else if (sent[i] === '\r') column = 0;
    else if (sent[i] === '\n') row++;
    else if (sent[i] === '\b') column = Math.max(0, column - 1);
    else if (sent[i] !== '\u0007') put(sent[i] ?? '');
  }
  lineAt(row);
  return lines.map((line) => line.join('').trimEnd());
}
