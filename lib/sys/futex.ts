/** linux/futex.h: waiting for words of memory (futex(2)). The kernel's own calls are never private. */
export const FUTEX_WAIT = 0;
const FUTEX_PRIVATE_FLAG = 128;
export const FUTEX_WAIT_PRIVATE = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
export const FUTEX_WAKE_PRIVATE = 1 | FUTEX_PRIVATE_FLAG;
export const FUTEX_CMP_REQUEUE_PRIVATE = 4 | FUTEX_PRIVATE_FLAG;
