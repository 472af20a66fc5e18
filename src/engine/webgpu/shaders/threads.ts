/** The threads of shaders that compute each element by itself. */

/** Threads of a workgroup. */
export const ELEMENT_THREADS = 64;

/** The start of `main`: the index of its thread in a dispatch of one or two dimensions. */
export const INDEX = /* wgsl */ `
@compute @workgroup_size(${ELEMENT_THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.y * groups.x * ${ELEMENT_THREADS}u + id.x;`;

/** The same; a thread beyond `p.size` ends. */
export const EACH = /* wgsl */ `${INDEX}
  if (i >= p.size) { return; }`;
