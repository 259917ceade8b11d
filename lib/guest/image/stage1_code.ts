/** What {@linkcode buildStage1} needs to know of an architecture. */
export interface Stage1Architecture {
  /** e_machine of elf(5). */
  machine: number;
  /** Makes the system calls of the table that follows it, one after the other. */
  code: Uint8Array;
  /** System call numbers (asm/unistd_64.h). */
  calls: Readonly<Record<"mount" | "init_module" | "chdir" | "chroot" | "execve", number>>;
}

/** The table begins at the next multiple of 8 after the code, which the first instruction counts on. */
const X86_64 = `
  start:   48 8d 1d 51 00 00 00     lea rbx, [rip+0x51]   ; the table
  next:    48 8b 03                 mov rax, [rbx]        ; system call number, or -1 at the end
           48 85 c0                 test rax, rax
           78 39                    js stop
           48 8b 7b 08              mov rdi, [rbx+8]
           48 8b 73 10              mov rsi, [rbx+16]
           48 8b 53 18              mov rdx, [rbx+24]
           4c 8b 53 20              mov r10, [rbx+32]
           4c 8b 43 28              mov r8, [rbx+40]
           4c 8b 4b 30              mov r9, [rbx+48]
           0f 05                    syscall
           48 85 c0                 test rax, rax
           78 06                    js failed
           48 83 c3 48              add rbx, 72
           eb d3                    jmp next
  failed:  48 8b 73 38              mov rsi, [rbx+56]     ; what failed
           48 8b 53 40              mov rdx, [rbx+64]     ; its length
           bf 02 00 00 00           mov edi, 2
           b8 01 00 00 00           mov eax, 1            ; write
           0f 05                    syscall
  stop:    bf 01 00 00 00           mov edi, 1
           b8 e7 00 00 00           mov eax, 231          ; exit_group
           0f 05                    syscall
`;

/** By the names that `Deno.build.arch` has for them. */
export const STAGE1_ARCHITECTURES: Readonly<Record<string, Stage1Architecture>> = {
  x86_64: {
    machine: 62,
    code: assemble(X86_64),
    calls: { mount: 165, init_module: 175, chdir: 80, chroot: 161, execve: 59 },
  },
};

/** Reads the bytes of a listing. */
function assemble(listing: string): Uint8Array {
  const columns = listing.matchAll(/^ {2}(?:\w+:)? +((?:[0-9a-f]{2} )+)/gm);
  const bytes = [...columns].flatMap(([, hex]) => hex!.trim().split(" "));
  return Uint8Array.from(bytes, (byte) => parseInt(byte, 16));
}
