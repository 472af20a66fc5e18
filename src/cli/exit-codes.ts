export const EXIT_FAILURE = 1;
/** The command line was wrong: an unknown command or flag, a value out of range. */
export const EXIT_USAGE = 2;
