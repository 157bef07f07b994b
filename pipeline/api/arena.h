// A bump allocator for bytes that live and die together: the wire bytes of one Chunk, the scratch of
// one row. Views into it stay valid until clear() or destruction. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace walbridge {

class Arena {
 public:
  explicit Arena(std::size_t block_bytes = 64 * 1024) : block_bytes_(block_bytes) {}
  Arena(Arena&&) noexcept = default;
  Arena& operator=(Arena&&) noexcept = default;

  char* allocate(std::size_t bytes, std::size_t alignment = 1) {
    const std::size_t padding = (alignment - (used_ & (alignment - 1))) & (alignment - 1);
    if (used_ + padding + bytes > capacity_) return allocate_slow(bytes);
    char* place = current_ + used_ + padding;
    used_ += padding + bytes;
    return place;
  }

  std::string_view copy(std::string_view bytes) {
    if (bytes.empty()) return {"", 0};  // never a null pointer: SQLite reads that as NULL
    char* place = allocate(bytes.size());
    std::memcpy(place, bytes.data(), bytes.size());
    return {place, bytes.size()};
  }

  // Uninitialised storage for trivially destructible items.
  template <class T>
  std::span<T> array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    auto* first = reinterpret_cast<T*>(allocate(count * sizeof(T), alignof(T)));
    for (std::size_t i = 0; i < count; ++i) new (first + i) T();
    return {first, count};
  }

  // Bytes reserved from the system: what a memory budget counts.
  std::size_t reserved() const { return reserved_; }

  // Forgets everything; keeps the newest block for reuse unless it was made for an unusually large value.
  void clear() {
    used_ = 0;
    if (blocks_.size() <= 1 && capacity_ <= block_bytes_) return;
    if (capacity_ > block_bytes_) {
      blocks_.clear();
      current_ = nullptr;
      capacity_ = 0;
    } else {
      blocks_.erase(blocks_.begin(), blocks_.end() - 1);
    }
    reserved_ = capacity_;
  }

 private:
  // Blocks come from operator new, so offset 0 is aligned for everything. They start small and double up to
  // block_bytes_, so that a chunk of one small transaction costs a memory budget what it holds.
  char* allocate_slow(std::size_t bytes) {
    constexpr std::size_t kFirstBlockBytes = 4096;
    std::size_t size = capacity_ == 0 ? kFirstBlockBytes : capacity_ * 2;
    if (size > block_bytes_) size = block_bytes_;
    if (size < bytes) size = bytes;
    blocks_.push_back(std::unique_ptr<char[]>(new char[size]));
    reserved_ += size;
    current_ = blocks_.back().get();
    capacity_ = size;
    used_ = bytes;
    return current_;
  }

  std::size_t block_bytes_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* current_ = nullptr;
  std::size_t used_ = 0;
  std::size_t capacity_ = 0;
  std::size_t reserved_ = 0;
};

}  // namespace walbridge
