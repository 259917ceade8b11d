/** The version of the runtime specification that is followed. */
export const OCI_VERSION = "1.1.0";
