// The Node-API add-on: engines, each with its buffers and a queue of calls. src/engine/cpu/native.node.ts uses it.
//
// Nothing from JavaScript is trusted: ids of buffers are looked up, each call is checked before it runs (kernels/checks.h), and every problem
// becomes a JavaScript error.
#define NAPI_VERSION 8
#include <node_api.h>

#include <memory>
#include <system_error>

#include "pool.h"
#include "variants.h"

namespace charrnn {

namespace {

struct Engine {
  std::unique_ptr<Pool> pool;
  napi_threadsafe_function settle = nullptr;
  int pendingReads = 0;
  // Whether the Node environment is shutting down.
  bool ended = false;
};

// A read in the queue, whose promise is not settled yet.
struct PendingRead {
  Engine* engine;
  napi_deferred deferred;
  napi_ref target;
};

napi_value fail(napi_env env, const char* message) {
  napi_throw_error(env, nullptr, message);
  return nullptr;
}

napi_value number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

// The engine and the other arguments of a call. Throws a JavaScript error and returns null if they are wrong.
Engine* arguments(napi_env env, napi_callback_info info, size_t count, napi_value* values) {
  size_t given = count;
  napi_value all[6];
  void* data = nullptr;
  napi_get_cb_info(env, info, &given, all, nullptr, nullptr);
  if (given < count || napi_get_value_external(env, all[0], &data) != napi_ok || !data || !static_cast<Engine*>(data)->pool) {
    fail(env, "not an engine, or one that is closed");
    return nullptr;
  }
  for (size_t i = 1; i < count; i++) values[i - 1] = all[i];
  return static_cast<Engine*>(data);
}

bool take_number(napi_env env, napi_value value, double* result) {
  return napi_get_value_double(env, value, result) == napi_ok && *result >= 0 && *result <= 9007199254740992.0;
}

// The bytes of a typed array.
bool take_bytes(napi_env env, napi_value value, uint8_t** data, size_t* bytes) {
  bool isTyped = false;
  napi_is_typedarray(env, value, &isTyped);
  if (!isTyped) return false;
  napi_typedarray_type type;
  size_t length;
  void* at;
  if (napi_get_typedarray_info(env, value, &type, &length, &at, nullptr, nullptr) != napi_ok) return false;
  const size_t width = type == napi_float64_array || type == napi_bigint64_array || type == napi_biguint64_array ? 8
                       : type == napi_float32_array || type == napi_int32_array || type == napi_uint32_array     ? 4
                       : type == napi_int16_array || type == napi_uint16_array                                   ? 2
                                                                                                                 : 1;
  *data = static_cast<uint8_t*>(at);
  *bytes = length * width;
  return true;
}

void settle_read(napi_env env, napi_value, void*, void* data) {
  std::unique_ptr<PendingRead> read(static_cast<PendingRead*>(data));
  if (!env) return;
  napi_value target;
  napi_get_reference_value(env, read->target, &target);
  napi_resolve_deferred(env, read->deferred, target);
  napi_delete_reference(env, read->target);
  if (--read->engine->pendingReads == 0) napi_unref_threadsafe_function(env, read->engine->settle);
}

void close_engine(Engine* engine) {
  engine->pool.reset();
  if (engine->settle) napi_release_threadsafe_function(engine->settle, napi_tsfn_abort);
  engine->settle = nullptr;
}

// Called when the Node environment ends: stops the threads. Node then frees the threadsafe function itself. Releasing it here or in the later
// finalizer would wait forever for its mutex (Node 24).
void end_engine(void* data) {
  Engine* engine = static_cast<Engine*>(data);
  engine->pool.reset();
  engine->settle = nullptr;
  engine->ended = true;
}

void destroy_engine(napi_env env, void* data, void*) {
  Engine* engine = static_cast<Engine*>(data);
  if (!engine->ended) {
    napi_remove_env_cleanup_hook(env, end_engine, engine);
    close_engine(engine);
  }
  delete engine;
}

// create(variant, threads) → engine
napi_value create(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value values[2];
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  char name[32] = {};
  size_t length = 0;
  double threads = 0;
  if (count < 2 || napi_get_value_string_utf8(env, values[0], name, sizeof name, &length) != napi_ok) return fail(env, "create(variant, threads)");
  if (!take_number(env, values[1], &threads) || threads < 1 || threads > 1024) return fail(env, "threads must be from 1 to 1024");
  const Variant* variant = find_variant(name);
  if (!variant) return fail(env, "this machine lacks that instruction set");
  Engine* engine = new Engine();
  try {
    engine->pool.reset(new Pool(variant->kernels, problem_of_call, static_cast<int>(threads)));
  } catch (const std::system_error&) {
    delete engine;
    return fail(env, "the system starts no thread");
  }
  napi_value label;
  napi_create_string_utf8(env, "char-rnn read", NAPI_AUTO_LENGTH, &label);
  napi_create_threadsafe_function(env, nullptr, nullptr, label, 0, 1, nullptr, nullptr, nullptr, settle_read, &engine->settle);
  napi_unref_threadsafe_function(env, engine->settle);
  // Added after the threadsafe function's own hook, so it runs before that.
  napi_add_env_cleanup_hook(env, end_engine, engine);
  napi_value external;
  napi_create_external(env, engine, destroy_engine, nullptr, &external);
  return external;
}

// allocate(engine, bytes) → id of the buffer, or 0 if there is not enough memory
napi_value allocate(napi_env env, napi_callback_info info) {
  napi_value values[1];
  Engine* engine = arguments(env, info, 2, values);
  double bytes;
  if (!engine) return nullptr;
  if (!take_number(env, values[0], &bytes)) return fail(env, "allocate(engine, bytes)");
  return number(env, static_cast<double>(engine->pool->buffers.allocate(static_cast<uint64_t>(bytes))));
}

// release(engine, buffer): frees it after everything in the queue
napi_value release(napi_env env, napi_callback_info info) {
  napi_value values[1];
  Engine* engine = arguments(env, info, 2, values);
  double id;
  if (!engine) return nullptr;
  if (!take_number(env, values[0], &id)) return fail(env, "release(engine, buffer)");
  void* data = engine->pool->buffers.forget(static_cast<uint64_t>(id));
  if (!data) return fail(env, "no such buffer");
  // Freed with the action, also if the engine is closed before it is its turn.
  engine->pool->act([owned = std::shared_ptr<void>(data, free)] {});
  return nullptr;
}

// submit(engine, command, small); command: [operation, numbers, ids of buffers]
napi_value submit(napi_env env, napi_callback_info info) {
  napi_value values[2];
  Engine* engine = arguments(env, info, 3, values);
  if (!engine) return nullptr;
  uint8_t* data;
  size_t bytes;
  bool small = false;
  if (!take_bytes(env, values[0], &data, &bytes) || bytes != sizeof(double) * (1 + MAX_NUMBERS + MAX_BUFFERS))
    return fail(env, "submit(engine, command, small)");
  napi_get_value_bool(env, values[1], &small);
  const double* command = reinterpret_cast<const double*>(data);
  Job job;
  job.isCall = true;
  job.call.operation = command[0] >= 0 && command[0] < OP_COUNT ? static_cast<int>(command[0]) : -1;
  memcpy(job.call.numbers, command + 1, sizeof job.call.numbers);
  for (int i = 0; i < MAX_BUFFERS; i++) {
    const double id = command[1 + MAX_NUMBERS + i];
    if (id == 0) continue;
    const Buffers::Buffer* buffer = id > 0 && id < 9e15 ? engine->pool->buffers.find(static_cast<uint64_t>(id)) : nullptr;
    if (!buffer) return fail(env, "no such buffer");
    job.call.buffers[i] = static_cast<float*>(buffer->data);
    job.bytes[i] = buffer->bytes;
  }
  engine->pool->submit(std::move(job), small);
  return nullptr;
}

// The arguments of `write` and `read`: the bytes of a typed array (outside), and as many bytes of a buffer (inside).
struct Transfer {
  Engine* engine;
  uint8_t* outside;
  size_t bytes;
  uint8_t* inside;
  napi_value array;
};

// Parses (engine, buffer, offset in bytes, typed array). Throws a JavaScript error and returns false if they are wrong.
bool take_transfer(napi_env env, napi_callback_info info, const char* usage, Transfer* transfer) {
  napi_value values[3];
  double id, offset;
  transfer->engine = arguments(env, info, 4, values);
  if (!transfer->engine) return false;
  if (!take_number(env, values[0], &id) || !take_number(env, values[1], &offset) ||
      !take_bytes(env, values[2], &transfer->outside, &transfer->bytes)) {
    fail(env, usage);
    return false;
  }
  const Buffers::Buffer* buffer = transfer->engine->pool->buffers.find(static_cast<uint64_t>(id));
  if (!buffer || offset + static_cast<double>(transfer->bytes) > static_cast<double>(buffer->bytes)) {
    fail(env, "beyond the buffer");
    return false;
  }
  transfer->inside = static_cast<uint8_t*>(buffer->data) + static_cast<uint64_t>(offset);
  transfer->array = values[2];
  return true;
}

// write(engine, buffer, offset in bytes, typed array)
napi_value write(napi_env env, napi_callback_info info) {
  Transfer t;
  if (!take_transfer(env, info, "write(engine, buffer, offset, array)", &t)) return nullptr;
  if (t.engine->pool->idle()) {
    memcpy(t.inside, t.outside, t.bytes);
    return nullptr;
  }
  uint8_t* into = t.inside;
  std::vector<uint8_t> copy(t.outside, t.outside + t.bytes);
  t.engine->pool->act([into, copy = std::move(copy)] { memcpy(into, copy.data(), copy.size()); });
  return nullptr;
}

// read(engine, buffer, offset in bytes, typed array): fills and returns the array; returns a promise if calls are still running
napi_value read(napi_env env, napi_callback_info info) {
  Transfer t;
  if (!take_transfer(env, info, "read(engine, buffer, offset, array)", &t)) return nullptr;
  if (t.engine->pool->idle()) {
    memcpy(t.outside, t.inside, t.bytes);
    return t.array;
  }
  napi_value promise;
  PendingRead* pending = new PendingRead{t.engine, nullptr, nullptr};
  napi_create_promise(env, &pending->deferred, &promise);
  // The reference keeps the array, and so its memory, alive.
  napi_create_reference(env, t.array, 1, &pending->target);
  if (t.engine->pendingReads++ == 0) napi_ref_threadsafe_function(env, t.engine->settle);
  const napi_threadsafe_function settle = t.engine->settle;
  t.engine->pool->act([t, settle, pending] {
    memcpy(t.outside, t.inside, t.bytes);
    napi_call_threadsafe_function(settle, pending, napi_tsfn_blocking);
  });
  return promise;
}

// problem(engine) → why the first call since the last `problem` was refused, or an empty string
napi_value problem(napi_env env, napi_callback_info info) {
  Engine* engine = arguments(env, info, 1, nullptr);
  if (!engine) return nullptr;
  const std::string text = engine->pool->takeProblem();
  napi_value result;
  napi_create_string_utf8(env, text.c_str(), text.size(), &result);
  return result;
}

// threads(engine) → the number of threads that compute: fewer than requested if the system refused to start more
napi_value threads(napi_env env, napi_callback_info info) {
  Engine* engine = arguments(env, info, 1, nullptr);
  return engine ? number(env, engine->pool->threads) : nullptr;
}

napi_value close(napi_env env, napi_callback_info info) {
  Engine* engine = arguments(env, info, 1, nullptr);
  if (!engine) return nullptr;
  if (engine->pendingReads > 0) return fail(env, "reads are under way");
  close_engine(engine);
  return nullptr;
}

// variants() → the instruction sets that this machine can run, the fastest first
napi_value variants(napi_env env, napi_callback_info) {
  napi_value list;
  napi_create_array(env, &list);
  uint32_t at = 0;
  for (const Variant& variant : all_variants()) {
    if (!variant.works()) continue;
    napi_value name;
    napi_create_string_utf8(env, variant.name, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, list, at++, name);
  }
  return list;
}

}  // namespace

}  // namespace charrnn

NAPI_MODULE_INIT() {
  using namespace charrnn;
  const struct {
    const char* name;
    napi_callback function;
  } functions[] = {{"create", create}, {"allocate", allocate}, {"release", release}, {"submit", submit}, {"write", write},
                   {"read", read},     {"problem", problem},   {"close", close},     {"variants", variants}, {"threads", threads}};
  for (const auto& entry : functions) {
    napi_value function;
    napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.function, nullptr, &function);
    napi_set_named_property(env, exports, entry.name, function);
  }
  // The hash of the sources (scripts/build-native.mjs). The package rejects an add-on with another hash.
  napi_value sources;
  napi_create_string_utf8(env, ADDON_SOURCES, NAPI_AUTO_LENGTH, &sources);
  napi_set_named_property(env, exports, "sources", sources);
  return exports;
}
