/** The hash of the add-on's sources. Made by scripts/build-native.mjs from native/; not to be edited. */
export const ADDON_SOURCES = 'f4bb59361e25f04f';
