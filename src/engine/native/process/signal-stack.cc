#include "signal-stack.h"

#include <signal.h>

#include <cstdlib>

namespace kumpas {
namespace {

/** A handler's frame alone has 11 KB where a processor has AMX. */
constexpr size_t kStackSize = size_t{256} << 10;

/** The memory of a thread's stack, as long as the thread lives. */
class SignalStack {
 public:
  SignalStack() {
    stack_t current = {};
    if (sigaltstack(nullptr, &current) != 0 || (current.ss_flags & SS_DISABLE) == 0) return;
    memory_ = std::malloc(kStackSize);
    stack_t own = {};
    own.ss_sp = memory_;
    own.ss_size = kStackSize;
    if (memory_ != nullptr) sigaltstack(&own, nullptr);
  }
  ~SignalStack() {
    if (memory_ == nullptr) return;
    stack_t none = {};
    none.ss_flags = SS_DISABLE;
    if (sigaltstack(&none, nullptr) == 0) std::free(memory_);
  }
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  void* memory_ = nullptr;
};

/** Has all handlers that are there run on a thread's own stack for them, where it has one. Node's do not ask for it. */
void MoveHandlers() {
  for (int signal = 1; signal < 32; signal++) {
    struct sigaction action = {};
    if (sigaction(signal, nullptr, &action) != 0 || (action.sa_flags & SA_ONSTACK) != 0) continue;
    if ((action.sa_flags & SA_SIGINFO) == 0 && (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)) continue;
    action.sa_flags |= SA_ONSTACK;
    sigaction(signal, &action, nullptr);
  }
}

// useSignalStack(): the handlers of signals that are there now run on a stack of this thread's own for them.
napi_value UseSignalStack(napi_env, napi_callback_info) {
  static thread_local SignalStack stack;
  MoveHandlers();
  return nullptr;
}

}  // namespace

bool ExportSignalStack(napi_env env, napi_value exports) { return ExportFunction(env, exports, "useSignalStack", UseSignalStack); }

}  // namespace kumpas
