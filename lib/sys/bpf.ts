import { Fd } from "./fd.ts";
import { cString } from "./memory.ts";
import { SYS } from "./numbers.ts";
import { addressOf, syscall } from "./syscall.ts";

const BPF_PROG_LOAD = 5, BPF_PROG_ATTACH = 8;
const BPF_PROG_TYPE_CGROUP_DEVICE = 15, BPF_CGROUP_DEVICE = 6, BPF_F_ALLOW_MULTI = 2;
const INSTRUCTION = 8;
/** Bytes of union bpf_attr that are given: up to `kern_version` and its padding. */
const LOAD_SIZE = 48, ATTACH_SIZE = 16;

/**
 * Hands the kernel a program that decides on accesses to devices (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE).
 *
 * @param instructions array of struct bpf_insn
 * @throws {SysError} when the kernel refuses it, or has no such programs
 */
export function loadDeviceProgram(instructions: Uint8Array): Fd {
  // u32 prog_type, insn_cnt; u64 insns, license; u32 log_level, log_size; u64 log_buf; u32 kern_version.
  const attributes = new Uint8Array(LOAD_SIZE);
  const view = new DataView(attributes.buffer);
  const license = cString("Apache-2.0");
  view.setUint32(0, BPF_PROG_TYPE_CGROUP_DEVICE, true);
  view.setUint32(4, instructions.length / INSTRUCTION, true);
  view.setBigUint64(8, addressOf(instructions), true);
  view.setBigUint64(16, addressOf(license), true);
  const size = attributes.length;
  // The program and its licence are arguments too, past those that the kernel reads: that keeps them reachable.
  const more = [instructions, license];
  return new Fd(
    syscall("bpf", "a filter of devices", SYS.bpf, BPF_PROG_LOAD, attributes, size, ...more),
  );
}

/**
 * Lets a program of {@linkcode loadDeviceProgram} decide for the processes of a cgroup and of those below it, beside
 * programs that are there already. It stays as long as the cgroup.
 *
 * @param cgroup its directory
 * @throws {SysError}
 */
export function attachDeviceProgram(cgroup: Fd, program: Fd): void {
  // u32 target_fd, attach_bpf_fd, attach_type, attach_flags.
  const values = [cgroup.number, program.number, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI];
  const attributes = new Uint8Array(new Uint32Array(values).buffer);
  syscall("bpf", "a cgroup", SYS.bpf, BPF_PROG_ATTACH, attributes, ATTACH_SIZE);
}
