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

// Threads that help whoever asks; one that asks while they are at work for another does its work alone.
class WorkerThreads {
 public:
  static WorkerThreads& Get() {
    static WorkerThreads* helpers = new WorkerThreads();
    return *helpers;
  }

  // Runs work(0) to work(count - 1), in any order, and returns when all are done.
  void Run(int count, const std::function<void(int)>& work) {
    if (count < 2 || threads_.empty() || !asking_.try_lock()) {
      for (int part = 0; part < count; part++) work(part);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      count_ = count;
      next_.store(0);
      round_++;
    }
    called_.notify_all();
    TakeParts(work, count);
    std::unique_lock<std::mutex> lock(mutex_);
    work_ = nullptr;
    done_.wait(lock, [this] { return busy_ == 0; });
    lock.unlock();
    asking_.unlock();
  }

 private:
  WorkerThreads() {
    const char* asked = std::getenv("TF_NUM_INTRAOP_THREADS");
    const int wanted = asked != nullptr ? std::atoi(asked) : static_cast<int>(std::thread::hardware_concurrency());
    for (int thread = 1; thread < std::min(wanted, 16); thread++) {
      threads_.emplace_back([this] { Help(); });
      threads_.back().detach();
    }
  }

  void Help() {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      called_.wait(lock, [&] { return work_ != nullptr && round_ != seen; });
      seen = round_;
      const auto* work = work_;
      const int count = count_;
      busy_++;
      lock.unlock();
      TakeParts(*work, count);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  void TakeParts(const std::function<void(int)>& work, int count) {
    for (int part = next_.fetch_add(1); part < count; part = next_.fetch_add(1)) work(part);
  }

  std::vector<std::thread> threads_;
  std::mutex asking_;
  std::mutex mutex_;
  std::condition_variable called_;
  std::condition_variable done_;
  const std::function<void(int)>* work_ = nullptr;
  int count_ = 0;
  int busy_ = 0;
  uint64_t round_ = 0;
  std::atomic<int> next_{0};
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
