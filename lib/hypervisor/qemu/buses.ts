/** Bus that devices can be plugged into while the VM runs, and taken from. Its slots cost a boot nothing. */
export const HOTPLUG_BUS = "hotplug";
/** Controller of SCSI disks. */
export const SCSI_CONTROLLER = "scsi0";
