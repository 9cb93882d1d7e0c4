// float32 and bfloat16, sums, and exp: what loops over tensors are made of.
#ifndef KUMPAS_KERNELS_NUMBERS_H_
#define KUMPAS_KERNELS_NUMBERS_H_

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace kumpas {

struct BFloat16 {
  uint16_t bits;
};

inline float Bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline float Load(const float* from) { return *from; }
inline float Load(const BFloat16* from) { return Bits(static_cast<uint32_t>(from->bits) << 16); }

inline void Store(float* to, float value) { *to = value; }

// To the nearest, ties to even; what is no number stays so.
inline void Store(BFloat16* to, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const uint32_t quiet = (bits >> 16) | 0x40;
  to->bits = static_cast<uint16_t>(value != value ? quiet : rounded);
}

// Sums are kept in so many parts, which a processor adds at once.
constexpr int kParts = 16;

inline float Total(const float* parts) {
  float sum = 0;
  for (int part = 0; part < kParts; part++) sum += parts[part];
  return sum;
}

// exp to within about two units in the last place, for x <= 0; exactly 0 where float32 has no normal number for it. (Cephes' expf.)
inline float Exp(float x) {
  const float clamped = std::max(x, -87.0f);
  const float n = (clamped * 1.44269504f + 12582912.0f) - 12582912.0f;
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float power = Bits(static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23);
  return x < -87.0f ? 0.0f : (p * r * r + r + 1.0f) * power;
}

}  // namespace kumpas

#endif
