/** The build turns a style sheet into its minified text (see css-text.mjs). */
declare module "*.css" {
  const text: string;
  export default text;
}
