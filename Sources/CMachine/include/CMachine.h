#ifndef CMACHINE_H
#define CMACHINE_H

#include <stdint.h>

/// Asks the cache for the line of `address`. No effect on the program's meaning; `address` may be invalid.
static inline __attribute__((always_inline)) void mos_prefetch(const void *_Nullable address) {
  __builtin_prefetch(address);
}

/// A bit set of the places 0...7 at which the eight words from `words` equal `value`.
static inline __attribute__((always_inline)) uint32_t mos_match8(const uint32_t *_Nonnull words, uint32_t value) {
#if defined(__SSE2__)
  typedef int32_t words4 __attribute__((vector_size(16), may_alias));
  typedef int16_t words8 __attribute__((vector_size(16)));
  typedef char words16 __attribute__((vector_size(16)));
  const words4 pattern = {(int32_t)value, (int32_t)value, (int32_t)value, (int32_t)value};
  words4 low, high;
  __builtin_memcpy(&low, words, 16);
  __builtin_memcpy(&high, words + 4, 16);
  const words8 equal = (words8)__builtin_ia32_packssdw128(low == pattern, high == pattern);
  const words16 bytes = (words16)__builtin_ia32_packsswb128(equal, equal);
  return (uint32_t)__builtin_ia32_pmovmskb128(bytes) & 0xff;
#else
  uint32_t mask = 0;
  for (int place = 0; place < 8; place++) mask |= (uint32_t)(words[place] == value) << place;
  return mask;
#endif
}

/// Whether the 16 bytes at `left` are those at `right`, and the 16 at `first` those at `second`.
static inline __attribute__((always_inline)) int mos_equal_pairs(
    const void *_Nonnull left, const void *_Nonnull right, const void *_Nonnull first, const void *_Nonnull second) {
#if defined(__SSE2__)
  typedef char words16 __attribute__((vector_size(16), may_alias, aligned(1)));
  typedef char bytes16 __attribute__((vector_size(16)));
  const bytes16 one = *(const words16 *)left == *(const words16 *)right;
  const bytes16 other = *(const words16 *)first == *(const words16 *)second;
  return __builtin_ia32_pmovmskb128(one & other) == 0xffff;
#else
  return __builtin_memcmp(left, right, 16) == 0 && __builtin_memcmp(first, second, 16) == 0;
#endif
}

#endif
