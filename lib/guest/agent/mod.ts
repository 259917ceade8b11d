/** The agent that runs as process 1 of the virtual machine. */
export { guestMain } from "./main.ts";
