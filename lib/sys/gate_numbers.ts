/** Numbers of a gate before a directory (linux/fanotify.h, fanotify_init(2), fanotify_mark(2)). */

/** FAN_CLOEXEC, FAN_NONBLOCK, FAN_CLASS_CONTENT */
export const GATE_FLAGS = 1 | 2 | 4;
export const FAN_MARK_ADD = 1;
export const FAN_MARK_FLUSH = 0x80;
/** FAN_OPEN_PERM, FAN_ONDIR */
export const GATE_EVENTS = 0x10000 + 0x40000000;
export const FAN_ALLOW = 1;
