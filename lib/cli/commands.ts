import type { CommandEntry } from "./command.ts";

/** The commands, in the order of the help; some have two words. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: {
    summary: "Run a command in a container in a VM of its own",
    load: async () => (await import("./commands/run.ts")).run,
  },
  "pod create": {
    summary: "Make a pod and boot its VM",
    load: async () => (await import("./commands/pod.ts")).create,
  },
  "pod start": {
    summary: "Start a pod and its containers",
    load: async () => (await import("./commands/pod.ts")).start,
  },
  "pod run": {
    summary: "Make a pod and start it",
    load: async () => (await import("./commands/pod.ts")).run,
  },
  "pod stop": {
    summary: "Stop a pod, its containers and its VM",
    load: async () => (await import("./commands/pod.ts")).stop,
  },
  "pod pause": {
    summary: "Make a pod stand still",
    load: async () => (await import("./commands/pod.ts")).pause,
  },
  "pod resume": {
    summary: "Let a paused pod go on",
    load: async () => (await import("./commands/pod.ts")).resume,
  },
  "pod update": {
    summary: "Add processors or memory to a pod",
    load: async () => (await import("./commands/update.ts")).updatePodCommand,
  },
  "pod rm": {
    summary: "Remove a pod",
    load: async () => (await import("./commands/pod.ts")).remove,
  },
  "pod list": {
    summary: "List the pods",
    load: async () => (await import("./commands/pod.ts")).list,
  },
  "pod inspect": {
    summary: "Show all that is known of a pod",
    load: async () => (await import("./commands/pod.ts")).inspect,
  },
  "network add": {
    summary: "Add an interface or routes to a pod that is up",
    load: async () => (await import("./commands/network.ts")).add,
  },
  "network rm": {
    summary: "Take interfaces or routes from a pod that is up",
    load: async () => (await import("./commands/network.ts")).remove,
  },
  "network list": {
    summary: "List the interfaces and routes of a pod",
    load: async () => (await import("./commands/network.ts")).list,
  },
  "container create": {
    summary: "Make a container in a pod",
    load: async () => (await import("./commands/container_life.ts")).create,
  },
  "container run": {
    summary: "Make a container in a pod and start it",
    load: async () => (await import("./commands/container_life.ts")).run,
  },
  "container start": {
    summary: "Start a container",
    load: async () => (await import("./commands/container_life.ts")).start,
  },
  "container stop": {
    summary: "Stop a container",
    load: async () => (await import("./commands/container_life.ts")).stop,
  },
  "container kill": {
    summary: "Signal a container",
    load: async () => (await import("./commands/container_life.ts")).kill,
  },
  "container update": {
    summary: "Change a container's limits",
    load: async () => (await import("./commands/update.ts")).updateContainerCommand,
  },
  "container rm": {
    summary: "Remove a container",
    load: async () => (await import("./commands/container_life.ts")).remove,
  },
  "container exec": {
    summary: "Run a further command in a container",
    load: async () => (await import("./commands/container_exec.ts")).exec,
  },
  "container attach": {
    summary: "Join a container's streams",
    load: async () => (await import("./commands/container_exec.ts")).attach,
  },
  "container logs": {
    summary: "Print what a container has printed",
    load: async () => (await import("./commands/container_look.ts")).logs,
  },
  "container ps": {
    summary: "List a container's processes",
    load: async () => (await import("./commands/container_look.ts")).ps,
  },
  "container wait": {
    summary: "Wait for a container's end",
    load: async () => (await import("./commands/container_look.ts")).wait,
  },
  "container list": {
    summary: "List containers",
    load: async () => (await import("./commands/container_look.ts")).list,
  },
  "container inspect": {
    summary: "Show all that is known of a container",
    load: async () => (await import("./commands/container_look.ts")).inspect,
  },
  create: {
    summary: "Make a container from an OCI bundle, for an engine",
    load: async () => (await import("./commands/oci_life.ts")).create,
  },
  start: {
    summary: "Start such a container",
    load: async () => (await import("./commands/oci_start.ts")).start,
  },
  state: {
    summary: "Print its state",
    load: async () => (await import("./commands/oci_state.ts")).state,
  },
  kill: {
    summary: "Signal it",
    load: async () => (await import("./commands/oci_kill.ts")).kill,
  },
  exec: {
    summary: "Run a further process in it",
    load: async () => (await import("./commands/oci_exec.ts")).exec,
  },
  delete: {
    summary: "Remove it",
    load: async () => (await import("./commands/oci_delete.ts")).remove,
  },
  pause: {
    summary: "Make it stand still",
    load: async () => (await import("./commands/oci_life.ts")).pause,
  },
  resume: {
    summary: "Let it go on",
    load: async () => (await import("./commands/oci_life.ts")).resume,
  },
  update: {
    summary: "Change its limits",
    load: async () => (await import("./commands/oci_update.ts")).update,
  },
  ps: {
    summary: "List its processes",
    load: async () => (await import("./commands/oci_look.ts")).ps,
  },
  events: {
    summary: "Print what it has used",
    load: async () => (await import("./commands/oci_look.ts")).events,
  },
  list: {
    summary: "List the containers of an engine",
    load: async () => (await import("./commands/oci_look.ts")).list,
  },
  spec: {
    summary: "Write an example of a bundle's config.json",
    load: async () => (await import("./commands/oci_spec.ts")).spec,
  },
  features: {
    summary: "Print what of the OCI specification is supported",
    load: async () => (await import("./commands/oci_spec.ts")).features,
  },
  "template build": {
    summary: "Save a VM that has booted, for pods to start from",
    load: async () => (await import("./commands/template.ts")).build,
  },
  "template list": {
    summary: "List the templates",
    load: async () => (await import("./commands/template.ts")).list,
  },
  "template inspect": {
    summary: "Show all that is known of a template",
    load: async () => (await import("./commands/template.ts")).inspect,
  },
  "template rm": {
    summary: "Remove templates",
    load: async () => (await import("./commands/template.ts")).remove,
  },
  "spare keep": {
    summary: "Restore a VM that waits for the next pod",
    load: async () => (await import("./commands/spare.ts")).keep,
  },
  logs: {
    summary: "Print what the parts of a pod have logged",
    load: async () => (await import("./commands/logs.ts")).logs,
  },
  gc: {
    summary: "Remove what killed commands left behind",
    load: async () => (await import("./commands/gc.ts")).gc,
  },
  config: {
    summary: "Print the configuration in effect",
    load: async () => (await import("./commands/config.ts")).config,
  },
  setup: {
    summary: "Prepare this host",
    load: async () => (await import("./commands/setup.ts")).setup,
  },
  check: {
    summary: "Say what this host has and lacks",
    load: async () => (await import("./commands/check.ts")).check,
  },
};
