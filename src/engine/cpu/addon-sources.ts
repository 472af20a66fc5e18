/** The hash of the add-on's sources. Made by scripts/build-native.mjs from native/; not to be edited. */
export const ADDON_SOURCES = 'a0e81901b0648f0d';
