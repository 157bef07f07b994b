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

  // Forgets everything; keeps one ordinary block for reuse.
  void clear() {
    if (blocks_.size() > 1) {
      blocks_.erase(blocks_.begin() + 1, blocks_.end());
      if (first_block_bytes_ > block_bytes_) blocks_.clear();
    } else if (first_block_bytes_ > block_bytes_) {
      blocks_.clear();
    }
    if (blocks_.empty()) {
      current_ = nullptr;
      capacity_ = reserved_ = first_block_bytes_ = 0;
    } else {
      current_ = blocks_.front().get();
      capacity_ = reserved_ = first_block_bytes_;
    }
    used_ = 0;
  }

 private:
  // Blocks come from operator new, so offset 0 is aligned for everything.
  char* allocate_slow(std::size_t bytes) {
    const std::size_t size = bytes > block_bytes_ ? bytes : block_bytes_;
    blocks_.push_back(std::unique_ptr<char[]>(new char[size]));
    if (blocks_.size() == 1) first_block_bytes_ = size;
    reserved_ += size;
    current_ = blocks_.back().get();
    capacity_ = size;
    used_ = bytes;
    return current_;
  }

  std::size_t block_bytes_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t first_block_bytes_ = 0;
  char* current_ = nullptr;
  std::size_t used_ = 0;
  std::size_t capacity_ = 0;
  std::size_t reserved_ = 0;
};

}  // namespace walbridge
