/** The browser lacks what it takes to check: nothing is known. The message names what is lacking. */
export class Unable extends Error {
  override name = "Unable";
}
