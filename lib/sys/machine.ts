/**
 * The few machine instructions that JavaScript cannot express: a system call without libc between (the error number
 * comes back in the result, on whichever thread it ran), and a vfork child that runs a list of system calls without
 * running JavaScript, whose memory it shares.
 *
 * Calling convention: System V AMD64 psABI 3.2.3; system call convention: syscall(2), "Architecture calling conventions".
 */

/** Instructions and the places in them that are called. */
export interface MachineCode {
  bytes: Uint8Array;
  /**
   * `double raw(double nr, double a0, …, double a5, void *m0, …, void *m5)`: the kernel's result, -4095 to -1 for an
   * error. Each argument is a number, or else memory. Numbers are those that JavaScript has: exact up to 2^53.
   */
  raw: number;
  /** `double run(double cloneFlags, void *operations, void *state)`: see `child_program.ts`. */
  run: number;
  /** What the child goes through from there on, to the end: operations in rbx, state in rbp, index in r12. */
  next: number;
}

/** Columns of a listing that hold bytes. */
const BYTES_AT = 12, BYTES_END = 37;

const X86_64 = `
  raw:      f2 48 0f 2c c1           cvttsd2si rax, xmm1
            48 09 c7                 or rdi, rax           ; memory, or a number: the other one is 0
            f2 48 0f 2c c2           cvttsd2si rax, xmm2
            48 09 c6                 or rsi, rax
            f2 48 0f 2c c3           cvttsd2si rax, xmm3
            48 09 c2                 or rdx, rax
            f2 4c 0f 2c d4           cvttsd2si r10, xmm4
            49 09 ca                 or r10, rcx
            f2 48 0f 2c c5           cvttsd2si rax, xmm5
            49 09 c0                 or r8, rax
            f2 48 0f 2c c6           cvttsd2si rax, xmm6
            49 09 c1                 or r9, rax
            f2 48 0f 2c c0           cvttsd2si rax, xmm0   ; nr
            0f 05                    syscall
            f2 48 0f 2a c0           cvtsi2sd xmm0, rax
            c3                       ret
  run:      53                       push rbx
            55                       push rbp
            41 54                    push r12
            48 89 fb                 mov rbx, rdi          ; the operations
            48 89 f5                 mov rbp, rsi          ; the state
            45 31 e4                 xor r12d, r12d        ; index
            f2 48 0f 2c f8           cvttsd2si rdi, xmm0
            31 f6                    xor esi, esi
            31 d2                    xor edx, edx
            45 31 d2                 xor r10d, r10d
            45 31 c0                 xor r8d, r8d
            b8 38 00 00 00           mov eax, 56
            0f 05                    syscall
            48 85 c0                 test rax, rax
            74 0a                    je next
            f2 48 0f 2a c0           cvtsi2sd xmm0, rax
            41 5c                    pop r12
            5d                       pop rbp
            5b                       pop rbx
            c3                       ret
  next:     48 8b 03                 mov rax, [rbx]        ; nr, or -1 at the end
            48 83 f8 ff              cmp rax, -1
            0f 84 88 00 00 00        je done
            48 8b 7b 08              mov rdi, [rbx+8]      ; where the first argument is
            48 8b 3f                 mov rdi, [rdi]        ; the first argument
            48 8b 73 10              mov rsi, [rbx+16]
            48 8b 36                 mov rsi, [rsi]
            48 8b 53 18              mov rdx, [rbx+24]
            48 8b 12                 mov rdx, [rdx]
            4c 8b 53 20              mov r10, [rbx+32]
            4d 8b 12                 mov r10, [r10]
            4c 8b 43 28              mov r8, [rbx+40]
            4d 8b 00                 mov r8, [r8]
            4c 8b 4b 30              mov r9, [rbx+48]
            4d 8b 09                 mov r9, [r9]
            0f 05                    syscall
            48 8b 4b 38              mov rcx, [rbx+56]     ; where the result goes
            48 89 01                 mov [rcx], rax
  judge:    48 8b 4b 40              mov rcx, [rbx+64]     ; what an error means
            48 83 f9 02              cmp rcx, 2
            73 28                    jae split
            48 85 c0                 test rax, rax
            79 3a                    jns advance
            48 83 f9 01              cmp rcx, 1
            74 34                    je advance
  failed:   4c 89 65 00              mov [rbp+0], r12
            48 89 45 08              mov [rbp+8], rax
            48 8b 5d 10              mov rbx, [rbp+16]     ; what is done about it, if anything
            48 85 db                 test rbx, rbx
            75 9a                    jne next
            bf 7f 00 00 00           mov edi, 127
            b8 3c 00 00 00           mov eax, 60
            0f 05                    syscall
  split:    48 85 c0                 test rax, rax
            78 de                    js failed
            74 10                    je advance            ; the child
            48 83 e9 02              sub rcx, 2
            74 16                    je done               ; the parent ends, or
            49 01 cc                 add r12, rcx          ; leaves out so many
            48 6b c9 48              imul rcx, rcx, 72
            48 01 cb                 add rbx, rcx
  advance:  48 83 c3 48              add rbx, 72
            49 ff c4                 inc r12
            e9 6b ff ff ff           jmp next
  done:     31 ff                    xor edi, edi
            b8 3c 00 00 00           mov eax, 60
            0f 05                    syscall
`;

/**
 * The code for the processor that this runs on.
 *
 * @throws {Error} on an architecture without a listing
 */
export function machineCode(): MachineCode {
  if (Deno.build.arch !== "x86_64") {
    throw new Error(`Cannot make system calls on ${Deno.build.arch}: only x86_64 is supported`);
  }
  return assemble(X86_64);
}

/**
 * Reads the bytes and labels of a listing, by its columns: regular expressions would take longer than all else that
 * a start of the agent does here.
 */
function assemble(listing: string): MachineCode {
  const bytes: number[] = [];
  const labels = new Map<string, number>();
  for (const line of listing.split("\n")) {
    const label = line.slice(2, BYTES_AT).trimEnd();
    if (label.endsWith(":")) labels.set(label.slice(0, -1), bytes.length);
    for (let at = BYTES_AT; at < BYTES_END; at += 3) {
      const byte = parseInt(line.slice(at, at + 2), 16);
      if (Number.isNaN(byte)) break;
      bytes.push(byte);
    }
  }
  const at = (label: string) => labels.get(label)!;
  return { bytes: Uint8Array.from(bytes), raw: at("raw"), run: at("run"), next: at("next") };
}
