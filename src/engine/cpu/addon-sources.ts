/** The hash of the add-on's sources. Made by scripts/build-native.mjs from native/; not to be edited. */
export const ADDON_SOURCES = 'd67c9f2bf29117d9';
