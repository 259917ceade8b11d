import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Bench } from "../harness/podvisor.ts";

Deno.test("an environment of 100 KB and thirty volumes reach a command", async () => {
  await using bench = await Bench.make();
  const options: string[] = [];
  for (let number = 0; number < 100; number++) options.push("-e", `V${number}=${"x".repeat(1000)}`);
  for (let number = 0; number < 30; number++) {
    const directory = join(bench.state, `volume-${number}-${"y".repeat(150)}`);
    await Deno.mkdir(directory);
    options.push("-v", `${directory}:/mnt/${number}/${"z".repeat(200)}`);
  }
  const command = "env | grep -c ^V; env | tr -cd x | wc -c; ls /mnt | wc -l";
  const { code, stdout } = await bench.podvisor([
    "run",
    ...options,
    "busybox",
    "sh",
    "-c",
    command,
  ]);
  assertEquals({ code, stdout }, { code: 0, stdout: "100\n100000\n30\n" });
  await bench.assertNothingLeft();
});
