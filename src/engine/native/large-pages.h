// Large pages of memory, of 2 MiB in place of 4 KiB: the system makes and clears one where it would make 512, and a processor finds values in them faster. Linux gives
// them to who asks, unless its administrator has forbidden it (/sys/kernel/mm/transparent_hugepage/enabled); elsewhere pages are as they come.
#pragma once
#include <cstddef>
#include <cstdint>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace kumpas {

constexpr size_t kLargePage = size_t{2} << 20;

/** Asks for large pages wherever one fits within memory that nothing was written to yet. */
inline void AskForLargePages([[maybe_unused]] void* memory, [[maybe_unused]] size_t bytes) {
#ifdef __linux__
  const uintptr_t start = (reinterpret_cast<uintptr_t>(memory) + kLargePage - 1) / kLargePage * kLargePage;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(memory) + bytes) / kLargePage * kLargePage;
  if (end > start) madvise(reinterpret_cast<void*>(start), end - start, MADV_HUGEPAGE);
#endif
}

}  // namespace kumpas
