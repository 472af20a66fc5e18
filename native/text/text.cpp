/**
 * Counts the symbols of a text, or encodes them as tokens. A symbol is a byte, or a character of UTF-8 (RFC 3629).
 *
 * Compiled only to WebAssembly (scripts/build-wasm.mjs). The caller writes a block of text into `input`, calls a function, and reads `report`.
 * A block must consist of whole characters: one that is cut off counts as invalid.
 */
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))

namespace {

constexpr uint32_t SYMBOLS = 0x110000;
constexpr uint32_t BLOCK = 1 << 20;
constexpr uint32_t TOKENS = 1 << 15;
constexpr uint32_t PAIRS = 0x10000;
/** Bytes and characters of one or two bytes are below this. */
constexpr uint32_t MIN_TABLE_END = 0x800;
/** Characters that are read as pairs before checking for ASCII again. */
constexpr uint32_t STRIDE = 8;
/** In `table`: a symbol without a token. */
constexpr uint32_t NONE = 0xffffffff;
constexpr uint64_t HIGH_BITS = 0x8080808080808080;

/** Why a pass stopped before the end of the block. */
enum Stop : uint32_t { END = 0, FULL = 1, INVALID = 2, UNKNOWN = 3 };

struct Report {
  /** Bytes read. */
  uint32_t consumed;
  /** Tokens written, or characters counted. */
  uint32_t produced;
  uint32_t stop;
  /** The symbol that has no token. */
  uint32_t symbol;
};

alignas(64) uint8_t input[BLOCK + 8];
alignas(64) uint64_t counts[SYMBOLS];
/** Only the entries of symbols below `tableEnd` are valid. */
alignas(64) uint32_t table[SYMBOLS];
/** At least MIN_TABLE_END. All symbols from here on have the token `missing`. */
uint32_t tableEnd;
uint32_t missing;
/** All symbols from here on have the count 0. Most texts have no symbols in most of `counts`, which then needs no memory. */
uint32_t countsEnd = 256;
alignas(64) uint8_t output[TOKENS * 4];
/** Counts of single bytes in a call. Four copies, so that repeated letters do not wait for the same counter. */
uint32_t byteCounts[4][256];
/**
 * If characters of two bytes alternate with spaces, a branch on the length of the next character is unpredictable. So characters of one or two
 * bytes are looked up, without a branch, by the two bytes at their position, the first byte being the low one.
 *
 * This table has the token of the character; NONE if the character has no token, has more than two bytes, or is invalid.
 */
alignas(64) uint32_t pairTokens[PAIRS];
/** How often each pair was read in a call. */
alignas(64) uint32_t pairCounts[PAIRS];
Report report;

inline uint64_t eight(const uint8_t* at) {
  uint64_t word;
  __builtin_memcpy(&word, at, 8);
  return word;
}

/** Decodes the character at `at`, whose first byte is not ASCII. Returns its number of bytes, and its code point in `symbol`; 0 if it is invalid. */
inline uint32_t decode(const uint8_t* at, uint32_t left, uint32_t& symbol) {
  const uint32_t a = at[0];
  if (a < 0xc2 || a > 0xf4) return 0;
  if (a < 0xe0) {
    if (left < 2 || (at[1] & 0xc0) != 0x80) return 0;
    symbol = (a & 0x1f) << 6 | (at[1] & 0x3f);
    return 2;
  }
  if (a < 0xf0) {
    if (left < 3 || (at[1] & 0xc0) != 0x80 || (at[2] & 0xc0) != 0x80) return 0;
    symbol = (a & 0x0f) << 12 | (at[1] & 0x3f) << 6 | (at[2] & 0x3f);
    // Neither overlong nor a surrogate.
    return symbol >= 0x800 && (symbol & 0xf800) != 0xd800 ? 3 : 0;
  }
  if (left < 4 || (at[1] & 0xc0) != 0x80 || (at[2] & 0xc0) != 0x80 || (at[3] & 0xc0) != 0x80) return 0;
  symbol = (a & 0x07) << 18 | (at[1] & 0x3f) << 12 | (at[2] & 0x3f) << 6 | (at[3] & 0x3f);
  return symbol >= 0x10000 && symbol < SYMBOLS ? 4 : 0;
}

inline uint32_t pairAt(const uint8_t* at) {
  uint16_t pair;
  __builtin_memcpy(&pair, at, 2);
  return pair;
}

/** The length of the character at a pair, if it is valid: 1 or 2 bytes. */
inline uint32_t pairLength(uint32_t pair) { return 1 + (pair >> 7 & 1); }

/** The code point of the character at a pair; NONE if the character has more than two bytes or is invalid. */
uint32_t pairSymbol(uint32_t pair) {
  const uint8_t bytes[2] = {static_cast<uint8_t>(pair), static_cast<uint8_t>(pair >> 8)};
  uint32_t symbol = bytes[0];
  return symbol < 0x80 || decode(bytes, 2, symbol) == 2 ? symbol : NONE;
}

inline void countSymbol(uint32_t symbol, uint32_t count) {
  counts[symbol] += count;
  if (symbol >= countsEnd) countsEnd = symbol + 1;
}

/** Adds the counts of pairs to `counts`. Returns false if a pair was invalid. */
bool addPairCounts(uint32_t& continuations) {
  bool isValid = true;
  for (uint32_t pair = 0; pair < PAIRS; pair++) {
    const uint32_t count = pairCounts[pair];
    if (count == 0) continue;
    pairCounts[pair] = 0;
    const uint32_t symbol = pairSymbol(pair);
    if (symbol == NONE) isValid = false;
    else countSymbol(symbol, count);
    continuations += count * (pairLength(pair) - 1);
  }
  return isValid;
}

/** The offset of the first invalid character in input[0, size), or `size` if all are valid. */
uint32_t firstInvalid(uint32_t size) {
  uint32_t at = 0;
  while (at < size) {
    uint32_t symbol;
    const uint32_t length = input[at] < 0x80 ? 1 : decode(input + at, size - at, symbol);
    if (length == 0) break;
    at += length;
  }
  return at;
}

inline void countEight(uint64_t word) {
  for (int i = 0; i < 8; i++) byteCounts[i & 3][(word >> (8 * i)) & 0xff]++;
}

void addByteCounts() {
  for (uint32_t byte = 0; byte < 256; byte++) {
    for (auto& part : byteCounts) {
      counts[byte] += part[byte];
      part[byte] = 0;
    }
  }
}

/** Encodes the characters of input[from, to), or its bytes if UTF8 is false, as at most `room` tokens of type T. Fills in `report`. */
template <typename T, bool UTF8>
void encode(uint32_t from, uint32_t to, uint32_t room, T* out) {
  uint32_t at = from;
  uint32_t made = 0;
  uint32_t stop = END;
  while (at < to) {
    while (to - at >= 8 && room - made >= 8) {
      const uint64_t word = eight(input + at);
      if (UTF8 && (word & HIGH_BITS)) break;
      uint32_t all = 0;
      for (int i = 0; i < 8; i++) {
        const uint32_t token = table[(word >> (8 * i)) & 0xff];
        out[made + i] = static_cast<T>(token);
        all |= token;
      }
      if (all & 0x80000000) break;
      at += 8;
      made += 8;
    }
    if (UTF8 && to - at >= 2 * STRIDE && room - made >= STRIDE) {
      uint32_t read = 0;
      for (; read < STRIDE; read++) {
        const uint32_t pair = pairAt(input + at);
        const uint32_t token = pairTokens[pair];
        if (token == NONE) break;
        out[made++] = static_cast<T>(token);
        at += pairLength(pair);
      }
      if (read == STRIDE) continue;
    }
    if (at == to) break;
    if (made == room) {
      stop = FULL;
      break;
    }
    uint32_t symbol = input[at];
    uint32_t length = 1;
    if (UTF8 && symbol >= 0x80) {
      length = decode(input + at, to - at, symbol);
      if (length == 0) {
        stop = INVALID;
        break;
      }
    }
    const uint32_t token = symbol < tableEnd ? table[symbol] : missing;
    if (token == NONE) {
      report.symbol = symbol;
      stop = UNKNOWN;
      break;
    }
    out[made++] = static_cast<T>(token);
    at += length;
  }
  report.consumed = at - from;
  report.produced = made;
  report.stop = stop;
}

template <typename T>
void encodeAs(uint32_t from, uint32_t to, uint32_t place, uint32_t isUtf8) {
  T* out = reinterpret_cast<T*>(output) + place;
  if (isUtf8) encode<T, true>(from, to, TOKENS - place, out);
  else encode<T, false>(from, to, TOKENS - place, out);
}

}  // namespace

extern "C" {

EXPORT(input_at) uint8_t* input_at() { return input; }
EXPORT(input_size) uint32_t input_size() { return BLOCK; }
EXPORT(counts_at) uint64_t* counts_at() { return counts; }
EXPORT(counts_end) uint32_t counts_end() { return countsEnd; }
EXPORT(table_at) uint32_t* table_at() { return table; }
EXPORT(output_at) uint8_t* output_at() { return output; }
EXPORT(output_tokens) uint32_t output_tokens() { return TOKENS; }
EXPORT(report_at) Report* report_at() { return &report; }

/**
 * Must be called after every change of `table`: from `end` on, all symbols have the token `other`. The entries of `table` before `end` and
 * before MIN_TABLE_END must be filled in.
 */
EXPORT(end_table) void end_table(uint32_t end, uint32_t other) {
  tableEnd = end < MIN_TABLE_END ? MIN_TABLE_END : end;
  missing = other;
  for (uint32_t pair = 0; pair < PAIRS; pair++) {
    const uint32_t symbol = pairSymbol(pair);
    pairTokens[pair] = symbol == NONE ? NONE : table[symbol];
  }
}

/** Adds the bytes of input[0, size) to `counts`. */
EXPORT(count_bytes) void count_bytes(uint32_t size) {
  uint32_t at = 0;
  for (; size - at >= 8; at += 8) countEight(eight(input + at));
  for (; at < size; at++) byteCounts[0][input[at]]++;
  addByteCounts();
  report = {size, size, END, 0};
}

/** Adds the characters of input[0, size) to `counts`. Stops at invalid UTF-8. */
EXPORT(count_characters) void count_characters(uint32_t size) {
  uint32_t at = 0;
  uint32_t continuations = 0;
  uint32_t stop = END;
  bool hasPairs = false;
  while (at < size) {
    while (size - at >= 8) {
      const uint64_t word = eight(input + at);
      if (word & HIGH_BITS) break;
      countEight(word);
      at += 8;
    }
    if (size - at >= 2 * STRIDE) {
      uint32_t read = 0;
      for (; read < STRIDE; read++) {
        const uint32_t pair = pairAt(input + at);
        if ((pair & 0xff) >= 0xe0) break;
        pairCounts[pair]++;
        at += pairLength(pair);
      }
      hasPairs |= read > 0;
      if (read == STRIDE) continue;
    }
    if (at == size) break;
    uint32_t symbol = input[at];
    if (symbol < 0x80) {
      byteCounts[at & 3][symbol]++;
      at++;
      continue;
    }
    const uint32_t length = decode(input + at, size - at, symbol);
    if (length == 0) {
      stop = INVALID;
      break;
    }
    countSymbol(symbol, 1);
    continuations += length - 1;
    at += length;
  }
  addByteCounts();
  // Pairs are counted without checking that they are valid. If one is not, its position is unknown.
  if (hasPairs && !addPairCounts(continuations)) {
    at = firstInvalid(size);
    stop = INVALID;
  }
  report = {at, at - continuations, stop, 0};
}

/** The number of CRLF pairs in input[0, size). */
EXPORT(count_line_ends) uint32_t count_line_ends(uint32_t size) {
  uint32_t pairs = 0;
  for (uint32_t at = 1; at < size; at++) pairs += input[at - 1] == '\r' && input[at] == '\n';
  return pairs;
}

/**
 * Encodes input[from, to) by `table`, and writes tokens of `width` bytes (1, 2 or 4) to `output`, from token `place` on. Stops if `output` is
 * full, at a symbol without a token, and at invalid UTF-8.
 */
EXPORT(encode_symbols) void encode_symbols(uint32_t from, uint32_t to, uint32_t place, uint32_t width, uint32_t isUtf8) {
  if (width == 1) encodeAs<uint8_t>(from, to, place, isUtf8);
  else if (width == 2) encodeAs<uint16_t>(from, to, place, isUtf8);
  else encodeAs<uint32_t>(from, to, place, isUtf8);
}

}
