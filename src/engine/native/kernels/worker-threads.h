// Threads that share an operation's work.
#ifndef KUMPAS_KERNELS_WORKER_THREADS_H_
#define KUMPAS_KERNELS_WORKER_THREADS_H_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kumpas {

// Threads that help whoever asks. Together with those who ask never more are at work than an operation may have threads (TF_NUM_INTRAOP_THREADS): where several
// operations run at once, each is done by the thread that began it, and its data stay in that processor's cache.
class WorkerThreads {
 public:
  static WorkerThreads& Get() {
    static WorkerThreads* helpers = new WorkerThreads();
    return *helpers;
  }

  // Runs work(0) to work(count - 1), in any order, and returns when all are done.
  void Run(int count, const std::function<void(int)>& work) {
    if (count < 2 || most_ < 2) {
      for (int part = 0; part < count; part++) work(part);
      return;
    }
    Task task{work, count};
    {
      std::lock_guard<std::mutex> lock(mutex_);
      tasks_.push_back(&task);
      at_work_++;
    }
    called_.notify_all();
    for (int part; (part = task.next.fetch_add(1)) < count;) work(part);
    std::unique_lock<std::mutex> lock(mutex_);
    tasks_.erase(std::find(tasks_.begin(), tasks_.end(), &task));
    at_work_--;
    if (!tasks_.empty()) called_.notify_all();
    done_.wait(lock, [&task] { return task.helpers == 0; });
  }

 private:
  struct Task {
    const std::function<void(int)>& work;
    const int count;
    std::atomic<int> next{0};
    int helpers = 0;
  };

  WorkerThreads() {
    const char* asked = std::getenv("TF_NUM_INTRAOP_THREADS");
    const int wanted = asked != nullptr ? std::atoi(asked) : static_cast<int>(std::thread::hardware_concurrency());
    most_ = std::min(wanted, 16);
    for (int thread = 1; thread < most_; thread++) std::thread([this] { Help(); }).detach();
  }

  void Help() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      Task* task = nullptr;
      called_.wait(lock, [&] { return at_work_ < most_ && (task = Unfinished()) != nullptr; });
      task->helpers++;
      at_work_++;
      lock.unlock();
      for (int part; at_work_ <= most_ && (part = task->next.fetch_add(1)) < task->count;) task->work(part);
      lock.lock();
      at_work_--;
      if (--task->helpers == 0) done_.notify_all();
    }
  }

  Task* Unfinished() const {
    const auto found = std::find_if(tasks_.begin(), tasks_.end(), [](const Task* task) { return task->next < task->count; });
    return found == tasks_.end() ? nullptr : *found;
  }

  int most_ = 1;
  std::mutex mutex_;
  std::condition_variable called_;
  std::condition_variable done_;
  std::vector<Task*> tasks_;
  // Threads that ask and threads that help.
  std::atomic<int> at_work_{0};
};

// Parts that work is divided into: always as many, so that sums over parts do not depend on the number of threads.
constexpr int kMostParts = 8;

// Divides [0, size) at multiples of `grain`, and runs work(part, from, to).
template <typename Work>
void InParts(int64_t size, int64_t grain, int64_t least, const Work& work) {
  const int parts = static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(kMostParts, size / std::max<int64_t>(least, 1))));
  const int64_t each = ((size + parts - 1) / parts + grain - 1) / grain * grain;
  WorkerThreads::Get().Run(parts, [&](int part) {
    const int64_t from = std::min(size, part * each);
    const int64_t to = std::min(size, from + each);
    if (from < to) work(part, from, to);
  });
}

// Values below which a second thread costs more than it brings.
constexpr int64_t kWorthAThread = 16384;

}  // namespace kumpas

#endif
