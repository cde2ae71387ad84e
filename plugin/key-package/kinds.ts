/** The kinds of key package events. */

/** A package to be used once. */
export const KEY_PACKAGE_KIND = 443

/** Addressable: a slot, named by the `d` tag, whose package is handed out again and again until a newer one takes its place. */
export const SLOT_KIND = 30443
