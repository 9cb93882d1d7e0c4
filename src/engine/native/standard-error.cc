// Closes and opens again the process's standard error, for the moments in which TensorFlow's library is loaded: it writes messages there from its static
// initialisers, before any switch of its own (TF_CPP_MIN_LOG_LEVEL, absl's log level) has an effect, and Node cannot redirect a descriptor.
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

namespace {

int saved = -1;

// silence(): what is written to standard error from now on is lost, until restore(). Does nothing where it is silent already or cannot be silenced.
napi_value Silence(napi_env, napi_callback_info) {
  if (saved >= 0) return nullptr;
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return nullptr;
  saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (saved >= 0) dup2(nowhere, STDERR_FILENO);
  close(nowhere);
  return nullptr;
}

// restore(): standard error is again what it was before silence().
napi_value Restore(napi_env, napi_callback_info) {
  if (saved < 0) return nullptr;
  dup2(saved, STDERR_FILENO);
  close(saved);
  saved = -1;
  return nullptr;
}

bool Export(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function) == napi_ok &&
         napi_set_named_property(env, exports, name, function) == napi_ok;
}

}  // namespace

NAPI_MODULE_INIT() {
  if (!Export(env, exports, "silence", Silence) || !Export(env, exports, "restore", Restore)) {
    napi_throw_error(env, nullptr, "the functions silence and restore could not be made");
  }
  return exports;
}
