/** VMs that were saved, for others to start from. */
export type { TemplateManifest } from "./manifest.ts";
export { restoreState, saveState } from "./save.ts";
export { networkKind, shapeOf, sizeClass, templateKey, whyNoTemplate } from "./shape.ts";
export { type OpenTemplate, pathOf, type TemplatePlace, TemplateStore } from "./store.ts";
