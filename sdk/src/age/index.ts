export { age } from "./answer";
export { ageQuestion } from "./question";
