/** What podvisor needs of its host, and how to bring it there. */
export { examineHost, type Finding, missingPackages } from "./findings.ts";
export { installCommand, installPackages } from "./install.ts";
