#pragma once

// Whether operations are recorded in the graph.

namespace glissade {

namespace detail {
extern constinit thread_local bool recording_enabled;
}

/// Whether the calling thread records operations: it does, unless a scope says otherwise.
inline bool is_recording() { return detail::recording_enabled; }

/// While it lives, the calling thread records operations or not. Scopes nest.
class RecordingScope {
 public:
  /// From now on the calling thread records operations (true) or does not (false). The destructor
  /// restores what was before.
  explicit RecordingScope(bool record);
  ~RecordingScope();
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;

 private:
  bool was_recording_;
};

/// While it lives, the calling thread records no operation: results are constants. For inference
/// and for parameter updates.
class NoGradGuard : public RecordingScope {
 public:
  NoGradGuard() : RecordingScope(false) {}
};

}  // namespace glissade
