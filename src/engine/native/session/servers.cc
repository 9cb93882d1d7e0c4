#include "servers.h"

#include "listen-address.h"
#include "status.h"
#include "tensors.h"

namespace kumpas {
namespace {

constexpr napi_type_tag kServerTag = {0x4b756d7061732d53, 0x6572766572000001};

/** One of TensorFlow's servers in this process. It is never stopped: TensorFlow's gRPC server ends only with its process. */
struct Server {
  TF_Server* server;
};

// startServer(definition, host): starts a server of the cluster that a serialised ServerDef describes; it listens at that host's address alone.
napi_value StartServer(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  const Memory definition = MemoryOf(env, arguments[0]);
  const std::string refused = ListenOnlyOn(StringOf(env, arguments[1]));
  if (!refused.empty()) return Throw(env, refused);
  const Status status;
  TF_Server* server = TF_NewServer(definition.data, definition.bytes, status.get());
  if (status.ok()) TF_ServerStart(server, status.get());
  if (!status.ok()) return Throw(env, status.message());
  return Handle(env, std::make_shared<Server>(Server{server}), kServerTag);
}

// serverTarget(server): the target of sessions that compute on the server's cluster.
napi_value ServerTarget(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const auto server = ThingOf<Server>(env, arguments[0], kServerTag);
  return server == nullptr ? nullptr : ValueOf(env, TF_ServerTarget(server->server));
}

}  // namespace

bool ExportServers(napi_env env, napi_value exports) {
  return ExportFunction(env, exports, "startServer", StartServer) && ExportFunction(env, exports, "serverTarget", ServerTarget);
}

}  // namespace kumpas
