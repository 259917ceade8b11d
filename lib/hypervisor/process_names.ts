/** What the process that keeps a guest's console small is called on its command line. */
export const CONSOLE_KEEPER = "console-keeper";
/** What the process of a VM without a machine is called on its command line. */
export const MOCK_PROCESS = "podvisor-mock-vm";
