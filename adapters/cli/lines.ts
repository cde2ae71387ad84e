/** Cuts a file of any size into lines, holding no more than one of them. */

/** Of a line that is longer only the beginning is given, which is then no JSON. */
const LONGEST_LINE = 4_194_304

/** Yields each line without its `\n`, which alone ends one: U+2028 stands unescaped in events. */
export async function* linesOf(
  chunks: AsyncIterable<string>,
  longest = LONGEST_LINE,
): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const [first = '', ...lines] = chunk.split('\n')
    if (rest.length < longest) rest = `${rest}${first}`.slice(0, longest)
    for (const line of lines) {
      yield rest
      rest = line.slice(0, longest)
    }
  }
  if (rest !== '') yield rest
}
