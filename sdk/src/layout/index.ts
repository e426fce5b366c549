export { default as css } from "./layout.css";
