const PREFIX = "Process could not be started: ";
const NOT_FOUND = /executable file not found in \$PATH|no such file or directory/i;
const NOT_EXECUTABLE = /permission denied|exec format error|is a directory|not a directory/i;
/** The Go agent says so when it is the program that is missing, and not, say, the source of a mount. */
const EXEC = /\bexec[: ]/;
const ERRNO = /\((E[A-Z0-9]+)\)$/;

/**
 * The text of the ERROR reply to a NEWCONTAINER or EXECCMD whose program cannot be started.
 *
 * @param text What went wrong.
 * @param errno Name of the error number of exec, such as `ENOENT`.
 */
export function startFailureMessage(text: string, errno: string): string {
  return `${PREFIX}${text} (${errno})`;
}

/**
 * The exit code that a shell would give for a guest's refusal to start a program: 127 not found, 126 found but not
 * to be executed, undefined when the message says neither. Understands the built-in guest and the Go agent, with
 * whatever a proxy has put before their texts.
 */
export function startFailureExitCode(message: string): 126 | 127 | undefined {
  const start = message.indexOf(PREFIX);
  if (start < 0) return undefined;
  const text = message.slice(start + PREFIX.length).trimEnd();
  const errno = ERRNO.exec(text)?.[1];
  if (errno === "ENOENT") return 127;
  if (errno !== undefined) return 126;
  if (!EXEC.test(text)) return undefined;
  if (NOT_FOUND.test(text)) return 127;
  return NOT_EXECUTABLE.test(text) ? 126 : undefined;
}
