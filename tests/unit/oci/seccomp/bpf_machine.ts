/** A machine for classic BPF programs of seccomp, written from the kernel's documentation of them alone. */

/** What the kernel tells a filter of a call. */
export interface Call {
  number: number;
  /** AUDIT_ARCH_…. */
  audit: number;
  args?: readonly bigint[];
}

/** Runs a filter. @returns what it returns for the call, and how many instructions that took */
export function runFilter(program: Uint8Array, call: Call): { value: number; steps: number } {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.number, true);
  data.setUint32(4, call.audit, true);
  (call.args ?? []).forEach((each, at) => data.setBigUint64(16 + 8 * at, each, true));
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  let at = 0;
  for (let steps = 1; steps < 10_000; steps++) {
    const opcode = code.getUint16(at, true);
    const [jt, jf] = [code.getUint8(at + 2), code.getUint8(at + 3)];
    const k = code.getUint32(at + 4, true);
    at += 8;
    const jump = (holds: boolean) => at += 8 * (holds ? jt : jf);
    switch (opcode) {
      case 0x20:
        accumulator = data.getUint32(k, true);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        at += 8 * k;
        break;
      case 0x15:
        jump(accumulator === k);
        break;
      case 0x25:
        jump(accumulator > k);
        break;
      case 0x35:
        jump(accumulator >= k);
        break;
      case 0x06:
        return { value: k, steps };
      default:
        throw new Error(`Cannot run the filter: instruction ${opcode.toString(16)} is not known`);
    }
  }
  throw new Error("Cannot run the filter: it does not end");
}
