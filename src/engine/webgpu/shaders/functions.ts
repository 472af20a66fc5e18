/**
 * Functions that the recorder puts in front of every shader.
 *
 * WGSL promises little about its own: `tanh` may be NaN beyond ±44 and has few correct digits near zero, and compilers may assume that
 * there is no NaN or infinity. So shaders use these instead of `exp` and `tanh`, and test for finite numbers by their bits.
 */
export const FUNCTIONS = /* wgsl */ `
fn exp_(x: f32) -> f32 { return exp(clamp(x, -87.0, 88.0)); }
fn sigmoid_(x: f32) -> f32 { return 1.0 / (1.0 + exp_(-x)); }
// Below 0.3 the Taylor series up to x¹¹, within one unit in the last place.
fn tanh_(x: f32) -> f32 {
  let a = abs(x);
  let s = x * x;
  let near = x + x * s * (-0.33333331 + s * (0.13333136 + s * (-0.053926607 + s * (0.021444099 - s * 0.0075073))));
  let e = exp_(-2.0 * a);
  let far = sign(x) * (1.0 - e) / (1.0 + e);
  return select(far, near, a < 0.3);
}
fn isFinite_(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
// The hash of \`engine/dropout-mask.ts\`.
fn mix_(value: u32) -> u32 {
  var x = value;
  x = (x ^ (x >> 16u)) * 0x7feb352du;
  x = (x ^ (x >> 15u)) * 0x846ca68bu;
  return x ^ (x >> 16u);
}
`;
