// What the functions that Node calls take and give.
#pragma once
#include <node_api.h>

#include <memory>
#include <string>
#include <vector>

namespace kumpas {

/** The arguments of a call; what was not given is undefined. */
template <size_t count>
struct Arguments {
  Arguments(napi_env env, napi_callback_info info) {
    size_t given = count;
    napi_get_cb_info(env, info, &given, values, nullptr, nullptr);
  }
  napi_value operator[](size_t place) const { return values[place]; }
  napi_value values[count];
};

/** Throws in JavaScript once the native function has returned. */
inline napi_value Throw(napi_env env, const std::string& message) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && !pending) napi_throw_error(env, nullptr, message.c_str());
  return nullptr;
}

inline std::string StringOf(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return {};
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

/** Adds a function to what JavaScript sees. */
inline bool ExportFunction(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function) == napi_ok &&
         napi_set_named_property(env, exports, name, function) == napi_ok;
}

inline napi_value ValueOf(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

inline uint32_t LengthOf(napi_env env, napi_value array) {
  uint32_t length = 0;
  return napi_get_array_length(env, array, &length) == napi_ok ? length : 0;
}

inline napi_value ElementOf(napi_env env, napi_value array, uint32_t place) {
  napi_value element = nullptr;
  napi_get_element(env, array, place, &element);
  return element;
}

/** The memory of a typed array. */
struct Memory {
  napi_typedarray_type type = napi_uint8_array;
  void* data = nullptr;
  size_t bytes = 0;
  bool valid = false;
};

inline Memory MemoryOf(napi_env env, napi_value array) {
  Memory memory;
  size_t length = 0;
  memory.valid = napi_get_typedarray_info(env, array, &memory.type, &length, &memory.data, nullptr, nullptr) == napi_ok;
  const bool narrow = memory.type == napi_uint8_array || memory.type == napi_int8_array || memory.type == napi_uint8_clamped_array;
  const bool wide = memory.type == napi_float64_array || memory.type == napi_bigint64_array || memory.type == napi_biguint64_array;
  const bool half = memory.type == napi_int16_array || memory.type == napi_uint16_array;
  memory.bytes = length * (narrow ? 1 : wide ? 8 : half ? 2 : 4);
  return memory;
}

/** A value of JavaScript's that stands for a native thing, and shares in it until it is collected. */
template <typename Thing>
napi_value Handle(napi_env env, std::shared_ptr<Thing> thing, const napi_type_tag& tag) {
  auto* held = new std::shared_ptr<Thing>(std::move(thing));
  const auto forget = [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<Thing>*>(data); };
  napi_value value = nullptr;
  if (napi_create_external(env, held, forget, nullptr, &value) != napi_ok) {
    delete held;
    return nullptr;
  }
  napi_type_tag_object(env, value, &tag);
  return value;
}

/** What a value of JavaScript's stands for; nullptr, with an exception thrown, where it is no such thing. */
template <typename Thing>
std::shared_ptr<Thing> ThingOf(napi_env env, napi_value value, const napi_type_tag& tag) {
  bool is_one = false;
  void* data = nullptr;
  if (value == nullptr || napi_check_object_type_tag(env, value, &tag, &is_one) != napi_ok || !is_one ||
      napi_get_value_external(env, value, &data) != napi_ok) {
    Throw(env, "the native library was given something else than it had made");
    return nullptr;
  }
  return *static_cast<std::shared_ptr<Thing>*>(data);
}

}  // namespace kumpas
