#include "sessions.h"

#include <mutex>
#include <set>
#include <thread>

#include "status.h"
#include "tensors.h"

namespace kumpas {
namespace {

constexpr napi_type_tag kSessionTag = {0x4b756d7061732d53, 0x657373696f6e0001};
constexpr napi_type_tag kRunTag = {0x4b756d7061732d52, 0x756e000000000001};

/** A graph, and the session that runs it. It ends when it was closed and no run is going on. */
class Session {
 public:
  /** @param config a serialised ConfigProto. @param graph a serialised GraphDef. */
  Session(const std::string& target, const Memory& config, const Memory& graph, const Status& status)
      : is_remote_(!target.empty()), graph_(TF_NewGraph()) {
    Add(graph, "", status);
    if (!status.ok()) return;
    TF_SessionOptions* options = TF_NewSessionOptions();
    TF_SetTarget(options, target.c_str());
    TF_SetConfig(options, config.data, config.bytes, status.get());
    if (status.ok()) session_ = TF_NewSession(graph_, options, status.get());
    TF_DeleteSessionOptions(options);
  }
  ~Session() {
    const Status status;
    if (session_ != nullptr) {
      TF_CloseSession(session_, status.get());
      TF_DeleteSession(session_, status.get());
    }
    TF_DeleteGraph(graph_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /** Adds a graph to the one that is there, its nodes under a prefix; '' for none. TensorFlow takes it up with the next run. */
  void Add(const Memory& graph, const std::string& prefix, const Status& status) {
    TF_Buffer* bytes = TF_NewBufferFromString(graph.data, graph.bytes);
    TF_ImportGraphDefOptions* import = TF_NewImportGraphDefOptions();
    TF_ImportGraphDefOptionsSetPrefix(import, prefix.c_str());
    TF_GraphImportGraphDef(graph_, bytes, import, status.get());
    TF_DeleteImportGraphDefOptions(import);
    TF_DeleteBuffer(bytes);
  }

  TF_Graph* graph() const { return graph_; }
  TF_Session* get() const { return session_; }
  /** Whether other processes may have a part in its runs. */
  bool is_remote() const { return is_remote_; }

  /** The ways back to JavaScript of the runs that are going on on threads of their own; of JavaScript's thread alone. */
  std::set<napi_threadsafe_function> ways_back;

  /** Closes TensorFlow's session, which ends what runs in it with an error; waits for that. */
  void Cancel() {
    const Status status;
    TF_CloseSession(session_, status.get());
  }

 private:
  const bool is_remote_;
  TF_Graph* graph_;
  TF_Session* session_ = nullptr;
};

/** What JavaScript's value points to: empty once it was closed. */
struct SessionSlot {
  std::shared_ptr<Session> session;
};

/** What is fed and fetched in a run, any number of times. */
struct PreparedRun {
  std::weak_ptr<Session> session;
  std::vector<TF_Output> feeds;
  std::vector<TF_Output> fetches;
};

std::shared_ptr<Session> SessionOf(napi_env env, napi_value handle) {
  const auto slot = ThingOf<SessionSlot>(env, handle, kSessionTag);
  if (slot == nullptr) return nullptr;
  if (slot->session == nullptr) Throw(env, "the session was closed");
  return slot->session;
}

// newSession(target, config, graph): a session for a graph; the target is '' for this process.
napi_value NewSession(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  const Status status;
  const auto slot = std::make_shared<SessionSlot>();
  slot->session =
      std::make_shared<Session>(StringOf(env, arguments[0]), MemoryOf(env, arguments[1]), MemoryOf(env, arguments[2]), status);
  return status.ok() ? Handle(env, slot, kSessionTag) : Throw(env, status.message());
}

// extendSession(session, graph, prefix): adds a graph to a session's, its nodes under a prefix.
napi_value ExtendSession(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  const auto session = SessionOf(env, arguments[0]);
  if (session == nullptr) return nullptr;
  const Status status;
  session->Add(MemoryOf(env, arguments[1]), StringOf(env, arguments[2]), status);
  return status.ok() ? nullptr : Throw(env, status.message());
}

/** Finds an output of the graph by its address, `node` or `node:1`. */
bool FindOutput(napi_env env, TF_Graph* graph, const std::string& address, std::vector<TF_Output>& found) {
  const size_t colon = address.rfind(':');
  const std::string name = address.substr(0, colon);
  const int place = colon == std::string::npos ? 0 : std::atoi(address.c_str() + colon + 1);
  TF_Operation* operation = TF_GraphOperationByName(graph, name.c_str());
  if (operation == nullptr) {
    Throw(env, "the graph has no node " + name);
    return false;
  }
  found.push_back({operation, place});
  return true;
}

bool FindOutputs(napi_env env, TF_Graph* graph, napi_value addresses, std::vector<TF_Output>& found) {
  const uint32_t count = LengthOf(env, addresses);
  for (uint32_t place = 0; place < count; place++)
    if (!FindOutput(env, graph, StringOf(env, ElementOf(env, addresses, place)), found)) return false;
  return true;
}

// prepareRun(session, feeds, fetches): what is fed and fetched, by name.
napi_value PrepareRun(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  const auto session = SessionOf(env, arguments[0]);
  if (session == nullptr) return nullptr;
  const auto run = std::make_shared<PreparedRun>();
  run->session = session;
  if (!FindOutputs(env, session->graph(), arguments[1], run->feeds) || !FindOutputs(env, session->graph(), arguments[2], run->fetches)) return nullptr;
  return Handle(env, run, kRunTag);
}

/** A run, from what it is given to what it gave. */
class Run {
 public:
  /** Takes its inputs from JavaScript. Returns false, with an exception thrown, where something is wrong with them. */
  bool Begin(napi_env env, napi_value prepared, napi_value tensors) {
    run_ = ThingOf<PreparedRun>(env, prepared, kRunTag);
    if (run_ == nullptr) return false;
    session_ = run_->session.lock();
    const uint32_t count = LengthOf(env, tensors);
    if (session_ == nullptr || count != run_->feeds.size()) {
      Throw(env, session_ == nullptr ? "the session was closed" : "a run was given another number of tensors than it is fed");
      return false;
    }
    for (uint32_t place = 0; place < count; place++) {
      given_.push_back(TensorOf(env, ElementOf(env, tensors, place)));
      if (given_.back() == nullptr) return false;
    }
    return true;
  }

  /** Runs, on whichever thread. */
  void Execute() {
    std::vector<TF_Tensor*> inputs;
    for (const auto& tensor : given_) inputs.push_back(tensor->get());
    results_.assign(run_->fetches.size(), nullptr);
    TF_SessionRun(session_->get(), nullptr, run_->feeds.data(), inputs.data(), static_cast<int>(inputs.size()), run_->fetches.data(), results_.data(),
                  static_cast<int>(results_.size()), nullptr, 0, nullptr, status_.get());
  }

  bool ok() const { return status_.ok(); }
  std::string message() const { return status_.message(); }

  /** What it gave, for JavaScript: an array of tensors. */
  napi_value Results(napi_env env) {
    napi_value results = nullptr;
    napi_create_array_with_length(env, results_.size(), &results);
    for (size_t place = 0; place < results_.size(); place++)
      napi_set_element(env, results, static_cast<uint32_t>(place), DescribeTensor(env, results_[place]));
    return results;
  }

  Session& session() const { return *session_; }

  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
  napi_threadsafe_function way_back = nullptr;

 private:
  std::shared_ptr<PreparedRun> run_;
  std::shared_ptr<Session> session_;
  std::vector<std::shared_ptr<HeldTensor>> given_;
  std::vector<TF_Tensor*> results_;
  Status status_;
};

// run(prepared, tensors): runs, and gives an array of tensors.
napi_value RunNow(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  Run run;
  if (!run.Begin(env, arguments[0], arguments[1])) return nullptr;
  run.Execute();
  return run.ok() ? run.Results(env) : Throw(env, run.message());
}

/** Keeps the promise of a run. */
void Settle(napi_env env, Run& run) {
  if (run.ok()) {
    napi_resolve_deferred(env, run.deferred, run.Results(env));
    return;
  }
  napi_value error = nullptr;
  napi_create_error(env, nullptr, ValueOf(env, run.message()), &error);
  napi_reject_deferred(env, run.deferred, error);
}

void FinishLater(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Run> run(static_cast<Run*>(data));
  Settle(env, *run);
  napi_delete_async_work(env, run->work);
}

/** Starts a run on a thread of Node's. */
bool StartOnPool(napi_env env, Run* run) {
  const auto execute = [](napi_env, void* data) { static_cast<Run*>(data)->Execute(); };
  return napi_create_async_work(env, nullptr, ValueOf(env, "kumpas run"), execute, FinishLater, run, &run->work) == napi_ok &&
         napi_queue_async_work(env, run->work) == napi_ok;
}

void FinishApart(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Run> run(static_cast<Run*>(data));
  if (env == nullptr) return; // JavaScript has ended.
  run->session().ways_back.erase(run->way_back);
  Settle(env, *run);
}

/** Starts a run on a thread of its own: Node waits for those of its pool before a process ends, and a run that another process has a part in may never end. */
bool StartApart(napi_env env, Run* run) {
  if (napi_create_threadsafe_function(env, nullptr, nullptr, ValueOf(env, "kumpas run"), 0, 1, nullptr, nullptr, nullptr, FinishApart, &run->way_back) != napi_ok)
    return false;
  run->session().ways_back.insert(run->way_back);
  std::thread([run] {
    const napi_threadsafe_function way_back = run->way_back;
    run->Execute();
    napi_call_threadsafe_function(way_back, run, napi_tsfn_nonblocking);
    napi_release_threadsafe_function(way_back, napi_tsfn_release);
  }).detach();
  return true;
}

// runLater(prepared, tensors): the same on another thread, as a promise. Until it is kept nobody may change the arrays whose memory the tensors are.
napi_value RunLater(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  auto run = std::make_unique<Run>();
  if (!run->Begin(env, arguments[0], arguments[1])) return nullptr;
  napi_value promise = nullptr;
  if (napi_create_promise(env, &run->deferred, &promise) != napi_ok) return Throw(env, "a promise could not be made");
  const bool started = run->session().is_remote() ? StartApart(env, run.get()) : StartOnPool(env, run.get());
  if (!started) return Throw(env, "a run could not be started");
  run.release();
  return promise;
}

// sessionDevices(session): TensorFlow's names of the devices that the session can run on.
napi_value SessionDevices(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const auto session = SessionOf(env, arguments[0]);
  if (session == nullptr) return nullptr;
  const Status status;
  TF_DeviceList* devices = TF_SessionListDevices(session->get(), status.get());
  if (!status.ok()) return Throw(env, status.message());
  napi_value names = nullptr;
  napi_create_array(env, &names);
  for (int place = 0; place < TF_DeviceListCount(devices); place++) {
    const char* name = TF_DeviceListName(devices, place, status.get());
    if (status.ok()) napi_set_element(env, names, static_cast<uint32_t>(place), ValueOf(env, name));
  }
  TF_DeleteDeviceList(devices);
  return names;
}

// closeSession(session): ends it once no run is going on.
napi_value CloseSession(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const auto slot = ThingOf<SessionSlot>(env, arguments[0], kSessionTag);
  if (slot != nullptr) slot->session.reset();
  return nullptr;
}

// cancelSession(session): ends what runs in it with an error, now or soon; whatever does not end, as where another process never answers, keeps this one from ending no longer.
napi_value CancelSession(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const auto slot = ThingOf<SessionSlot>(env, arguments[0], kSessionTag);
  if (slot == nullptr || slot->session == nullptr) return nullptr;
  for (const napi_threadsafe_function way_back : slot->session->ways_back) napi_unref_threadsafe_function(env, way_back);
  std::thread([session = slot->session] { session->Cancel(); }).detach();
  return nullptr;
}

}  // namespace

bool ExportSessions(napi_env env, napi_value exports) {
  return ExportFunction(env, exports, "newSession", NewSession) && ExportFunction(env, exports, "extendSession", ExtendSession) && ExportFunction(env, exports, "prepareRun", PrepareRun) && ExportFunction(env, exports, "run", RunNow) &&
         ExportFunction(env, exports, "runLater", RunLater) && ExportFunction(env, exports, "sessionDevices", SessionDevices) &&
         ExportFunction(env, exports, "cancelSession", CancelSession) && ExportFunction(env, exports, "closeSession", CloseSession);
}

}  // namespace kumpas
