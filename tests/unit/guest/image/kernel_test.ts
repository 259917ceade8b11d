import { assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../../lib/failure.ts";
import { compareReleases, findKernel } from "../../../../lib/guest/image/kernel.ts";

/** Runs with a made-up host that has these kernels; the value is the content of modules.dep. */
function withKernels(
  kernels: Readonly<Record<string, string | undefined>>,
  run: (places: { boot: string; modules: string[] }) => void,
): void {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/boot`);
    for (const [release, dep] of Object.entries(kernels)) {
      Deno.writeTextFileSync(`${root}/boot/vmlinuz-${release}`, "");
      if (dep === undefined) continue;
      Deno.mkdirSync(`${root}/modules/${release}`, { recursive: true });
      Deno.writeTextFileSync(`${root}/modules/${release}/modules.dep`, dep);
    }
    run({ boot: `${root}/boot`, modules: [`${root}/modules`] });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

const WITH_9P = "kernel/fs/9p/9p.ko:\n";

Deno.test("the newest kernel with its modules is taken", () => {
  const kernels = {
    "6.1.0-9-amd64": WITH_9P,
    "6.1.0-40-amd64": WITH_9P,
    "6.9.0-1-amd64": undefined,
  };
  withKernels(kernels, (places) => {
    assertEquals(findKernel(undefined, places).release, "6.1.0-40-amd64");
  });
});

Deno.test("a kernel with 9p comes before a newer one without", () => {
  withKernels({ "6.1.0-40-amd64": WITH_9P, "6.1.0-50-cloud-amd64": "" }, (places) => {
    assertEquals(findKernel(undefined, places).release, "6.1.0-40-amd64");
  });
});

Deno.test("a named kernel needs its modules too", () => {
  withKernels({ "6.1.0-9-amd64": WITH_9P, "6.2.0-1-amd64": undefined }, (places) => {
    assertEquals(
      findKernel(`${places.boot}/vmlinuz-6.1.0-9-amd64`, places).release,
      "6.1.0-9-amd64",
    );
    assertThrows(
      () => findKernel(`${places.boot}/vmlinuz-6.2.0-1-amd64`, places),
      Failure,
      "no modules of release 6.2.0-1-amd64 are installed",
    );
    assertThrows(
      () => findKernel("/nonexistent/bzImage", places),
      Failure,
      "Cannot read the kernel",
    );
  });
});

Deno.test("a host without a kernel is told what to install", () => {
  withKernels({}, (places) => {
    const error = assertThrows(() => findKernel(undefined, places), Failure);
    assertEquals(error.hint, "Install one: apt-get install linux-image-amd64");
  });
});

Deno.test("releases are ordered by their numbers", () => {
  const releases = ["6.1.0-40", "6.1.0-9", "5.10.0-100", "6.10.0-1"];
  assertEquals(releases.sort(compareReleases), ["5.10.0-100", "6.1.0-9", "6.1.0-40", "6.10.0-1"]);
});
