/** The kinds of key package events. */

/** A package that is used once. */
export const KEY_PACKAGE_KIND = 443

/** An addressable event: a slot, named by its `d` tag. Its package is handed out again and again until a newer one replaces it. */
export const SLOT_KIND = 30443

/** Maximum length of a slot's name in characters: names of deleted slots are remembered (I9). */
export const MAX_SLOT_LENGTH = 256
