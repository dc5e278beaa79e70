/** Two amounts in GB, with the digits that it takes to tell them apart, up to three. The script of the HTML page has the same. */
export function figuresOf(need: number, have: number): [string, string] {
  const figures = (digits: number): [string, string] => [
    `${Number(need.toFixed(digits))} GB`,
    `${Number(have.toFixed(digits))} GB`,
  ];
  const digits = [1, 2].find((few) => figures(few)[0] !== figures(few)[1]);
  return figures(digits ?? 3);
}
