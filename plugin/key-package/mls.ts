export type KeyPackageRef = string & { readonly ref: true }
