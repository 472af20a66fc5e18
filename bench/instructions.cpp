// Counts the instructions of a training iteration with and without regularization, for callgrind: `instructions UNITS on|off STEPS` makes
// one iteration of LSTM UNITS×2 with a batch of 50, Adam, and 65 characters. `on` adds what --weight-drop, --dropout, --dropout-mask
// sequence and --average ema compute; --random-offset computes nothing in the kernels. The calls are those of src/model/network.ts.
//
//     g++ -std=c++17 -O3 -march=x86-64-v3 -ffp-contract=off -fno-math-errno -w -DVW=8 -DKERNELS_NAME=kernels \
//       -I native/kernels bench/instructions.cpp -o instructions
//     for steps in 1 3; do for kind in off on; do
//       valgrind --tool=callgrind --toggle-collect=make_call --callgrind-out-file=/dev/null ./instructions 384 $kind $steps
//     done; done
//
// The number of instructions is linear in the steps, so two counts give that of 50 steps.
//
// `instructions UNITS on|off STEPS THREADS` also prints how often the threads wait for each other, for bench/threads.ts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>
#include <thread>
#include <vector>

#include "kernels.cpp"

enum { B = 50, V = 65, LAYERS = 2, GATES = 4 };

static int threads = 1, calls = 0;
// As in native/addon: first the barrier of all threads, then those of the crews that share rows.
static Barrier barriers[1 + MAX_CREWS];

extern "C" __attribute__((noinline)) void make_call(Call& call) {
  Team team = {};
  team.threads = threads;
  team.yield = std::this_thread::yield;
  team.barriers = barriers;
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; thread++) others.emplace_back([&call, &team, thread] { run(&call, &team, thread); });
  run(&call, &team, 0);
  for (std::thread& other : others) other.join();
  calls++;
}

static float* floats(size_t count) {
  const size_t bytes = (count * 4 + 4096) / 64 * 64;
  float* at = (float*)aligned_alloc(64, bytes);
  memset(at, 0, bytes);
  return at;
}

// A call of an operation; its numbers are filled in as the struct of that operation.
template <class Numbers, class Buffers>
struct Made {
  Call call = {};
  Numbers& numbers = *(Numbers*)call.numbers;
  Buffers& buffers = *(Buffers*)call.buffers;
  explicit Made(Operation operation) { call.operation = operation; }
  ~Made() { make_call(call); }
};
// An operation whose buffers have no struct.
struct PlainBuffers {
  float* at[MAX_BUFFERS];
};

struct Iteration {
  int T, H, P, outPanels;
  bool regularized;
  index_t inputWeights[LAYERS], hiddenWeights[LAYERS], inputBias[LAYERS], hiddenBias[LAYERS], decoder, decoderBias, size;
  float *weights, *gradient, *dropped, *average, *moments[2];
  float *output[LAYERS], *tape[LAYERS], *state[LAYERS], *outputGradient[LAYERS], *droppedOutput, *logits, *scratch, *loss;
  int *tokens, *targets;

  Iteration(int units, int steps, bool withRegularization) : T(steps), H(units), regularized(withRegularization) {
    P = panels(H) * LANES;
    outPanels = panels(V);
    const index_t R = (index_t)T * B;
    index_t at = 0;
    for (int l = 0; l < LAYERS; l++) {
      inputWeights[l] = at;
      hiddenWeights[l] = at += (index_t)GATES * P * (l ? P : V);
      inputBias[l] = at += (index_t)GATES * P * P;
      hiddenBias[l] = at += GATES * P;
      at += GATES * P;
      output[l] = floats(R * P);
      tape[l] = floats(R * P * 7);
      state[l] = floats(B * P * 2);
      outputGradient[l] = floats(R * P);
    }
    decoder = at;
    decoderBias = at += (index_t)outPanels * LANES * P;
    size = at + outPanels * LANES;
    for (float** vector : {&weights, &gradient, &dropped, &average, &moments[0], &moments[1]}) *vector = floats(size);
    u32 random = 1;
    for (index_t i = 0; i < size; i++) weights[i] = ((float)((random = random * 1664525u + 1013904223u) >> 8) / (1 << 24) - 0.5f) * 0.1f;
    droppedOutput = floats(R * P);
    logits = floats(R * outPanels * LANES);
    scratch = floats((index_t)GATES * P + 2 * (index_t)GATES * P * P + 8 * B * P + 2 * R);
    loss = floats(LANES);
    tokens = (int*)floats(R);
    targets = (int*)floats(R);
    for (index_t i = 0; i < R; i++) tokens[i] = (int)(i * i % V), targets[i] = (int)(i * 7 % V);
  }

  void drop_weights_of(float* vector) {
    for (int l = 0; l < LAYERS; l++) {
      Made<WeightDropoutNumbers, PlainBuffers> drop(OP_DROP_WEIGHTS);
      drop.numbers = {GATES, (double)H, (double)P, (double)hiddenWeights[l], 0, 0.3 * 4294967296.0, 77.0 + l, 1 / 0.7};
      drop.buffers.at[0] = vector;
    }
  }
  void drop_units(const float* from, float* into) {
    Made<DropoutNumbers, DropoutBuffers> drop(OP_DROPOUT);
    drop.numbers = {(double)T, B, (double)H, 0x80000000u, 5, 2, 1, 0};
    drop.buffers = {from, into};
  }
  void decode(bool backward, const float* used) {
    Made<LinearNumbers, LinearBuffers> map(backward ? OP_LINEAR_BACKWARD : OP_LINEAR_FORWARD);
    map.numbers = {(double)T * B, (double)H, V, (double)decoder, (double)decoderBias, 0};
    float* input = regularized ? droppedOutput : output[LAYERS - 1];
    map.buffers = {used, input, logits, gradient, backward ? outputGradient[LAYERS - 1] : 0, scratch};
  }
  void recur(int l, bool backward, const float* used) {
    Made<RecurrentNumbers, RecurrentBuffers> layer(backward ? OP_RECURRENT_BACKWARD : OP_RECURRENT_FORWARD);
    RecurrentNumbers& n = layer.numbers;
    n.cell = CELL_LSTM, n.tokens = l == 0, n.T = n.slots = T, n.B = B, n.D = l ? H : V, n.H = H;
    n.inputWeights = inputWeights[l], n.inputBias = inputBias[l], n.hiddenWeights = hiddenWeights[l], n.hiddenBias = hiddenBias[l];
    if (regularized && l) n.dropThreshold = 0x80000000u, n.dropKey = 99, n.dropScale = 2, n.dropPerSequence = 1;
    RecurrentBuffers& b = layer.buffers;
    b.weights = used, b.input = l ? output[0] : (float*)tokens, b.tape = tape[l], b.scratch = scratch;
    if (!backward) b.initial = b.last = state[l], b.output = output[l];
    else b.outputGradient = outputGradient[l], b.gradient = gradient, b.inputGradient = l ? outputGradient[0] : 0;
  }
  void measure_loss() {
    Made<CrossEntropyNumbers, CrossEntropyBuffers> entropy(OP_CROSS_ENTROPY);
    entropy.numbers = {(double)T * B, V, 1.0 / (T * B), 0};
    entropy.buffers = {logits, targets, 0, loss, 0, logits, (double*)scratch};
  }
  void update() {
    Made<UpdateNumbers, UpdateBuffers> adam(OP_UPDATE);
    adam.numbers = {(double)size, UPDATE_RULE_ADAM, 2e-3, 0, 5, 0, 0, {0.9, 0.999, 1e-8}};
    UpdateBuffers& b = adam.buffers;
    b.weights = weights, b.gradient = gradient, b.loss = loss, b.report = floats(LANES), b.steps = (int*)floats(1);
    b.scratch = (double*)floats(6 * (size / CHUNK_FLOATS + 2));
    for (int i = 0; i < 2; i++) b.moments[i] = moments[i];
  }

  void run_all() {
    if (regularized) {
      {
        Made<double[MAX_NUMBERS], PlainBuffers> copying(OP_COPY);
        copying.numbers[0] = (double)size;
        copying.buffers.at[0] = weights;
        copying.buffers.at[1] = dropped;
      }
      drop_weights_of(dropped);
    }
    const float* used = regularized ? dropped : weights;
    for (int l = 0; l < LAYERS; l++) recur(l, false, used);
    if (regularized) drop_units(output[LAYERS - 1], droppedOutput);
    decode(false, used);
    measure_loss();
    decode(true, used);
    if (regularized) drop_units(outputGradient[LAYERS - 1], outputGradient[LAYERS - 1]);
    for (int l = LAYERS - 1; l >= 0; l--) recur(l, true, used);
    if (regularized) drop_weights_of(gradient);
    update();
    if (!regularized) return;
    Made<AverageNumbers, AverageBuffers> averaging(OP_AVERAGE);
    averaging.numbers = {(double)size, 0.001};
    averaging.buffers = {weights, average};
  }
};

int main(int count, char** words) {
  if (count < 4) return fprintf(stderr, "instructions UNITS on|off STEPS [THREADS]\n"), 1;
  if (count > 4) threads = atoi(words[4]);
  Iteration iteration(atoi(words[1]), atoi(words[3]), strcmp(words[2], "on") == 0);
  iteration.run_all();
  printf("loss per character: %g\n", iteration.loss[0] / (iteration.T * B));
  // Threads also wait for each other at the end of a call.
  if (threads > 1) printf("waits: %d of all threads, %d of a crew\n", barriers[0].generation + calls, barriers[1].generation);
}
