/** What is not as its format says; the message says what is wrong, in words for people. */
export class Malformed extends Error {
  override name = "Malformed";
}
