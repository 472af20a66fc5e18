/** The hash of the add-on's sources. Made by scripts/build-native.mjs from native/; not to be edited. */
export const ADDON_SOURCES = '2ce46a17c11179fc';
