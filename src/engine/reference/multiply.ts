/**
 * The matrix product of the reference engine: out[m, n] += Σ_k a[m, k] · b[n, k].
 *
 * Each element is one sum over k in ascending order, in double precision, rounded once when it is stored. So its bits do not depend on m, n
 * or the tile that it is in.
 */
import type { FloatArray } from '../engine.ts';

/** A row-major matrix inside an array. */
export interface Matrix {
  readonly data: FloatArray;
  /** Index of its first element. Default 0. */
  readonly offset?: number;
  /** Elements from one row to the next. Default: the number of columns. */
  readonly stride?: number;
}

/** out[m, n] += Σ_k a[m, k] · b[n, k]. Tiles of 4 × 2 sums: as many as the processor's registers hold. */
export function multiplyAdd(a: Matrix, b: Matrix, out: Matrix, m: number, n: number, k: number) {
  const strideA = a.stride ?? k;
  const strideB = b.stride ?? k;
  const strideOut = out.stride ?? n;
  const A = a.data;
  const B = b.data;
  const O = out.data;
  for (let i = 0; i < m; i += 4) {
    const rows = Math.min(4, m - i);
    const offsetA = (a.offset ?? 0) + i * strideA;
    const offsetOut = (out.offset ?? 0) + i * strideOut;
    for (let j = 0; j < n; j += 2) {
      const offsetB = (b.offset ?? 0) + j * strideB;
      if (rows === 4 && j + 2 <= n)
        tile4x2(A, offsetA, strideA, B, offsetB, strideB, O, offsetOut + j, strideOut, k);
      else {
        const columns = Math.min(2, n - j);
        for (let r = 0; r < rows; r++) {
          for (let c = 0; c < columns; c++) {
            const at = offsetOut + r * strideOut + j + c;
            O[at] = (O[at] as number) + dot(A, offsetA + r * strideA, B, offsetB + c * strideB, k);
          }
        }
      }
    }
  }
}

function dot(A: FloatArray, a: number, B: FloatArray, b: number, k: number): number {
  let sum = 0;
  for (let x = 0; x < k; x++) sum += A[a + x]! * B[b + x]!;
  return sum;
}

function tile4x2(
  A: FloatArray,
  a0: number,
  strideA: number,
  B: FloatArray,
  b0: number,
  strideB: number,
  O: FloatArray,
  o0: number,
  strideOut: number,
  k: number,
) {
  const a1 = a0 + strideA;
  const a2 = a1 + strideA;
  const a3 = a2 + strideA;
  const b1 = b0 + strideB;
  let s00 = 0;
  let s01 = 0;
  let s10 = 0;
  let s11 = 0;
  let s20 = 0;
  let s21 = 0;
  let s30 = 0;
  let s31 = 0;
  for (let x = 0; x < k; x++) {
    const p = B[b0 + x]!;
    const q = B[b1 + x]!;
    const u0 = A[a0 + x]!;
    const u1 = A[a1 + x]!;
    const u2 = A[a2 + x]!;
    const u3 = A[a3 + x]!;
    s00 += u0 * p;
    s01 += u0 * q;
    s10 += u1 * p;
    s11 += u1 * q;
    s20 += u2 * p;
    s21 += u2 * q;
    s30 += u3 * p;
    s31 += u3 * q;
  }
  const o1 = o0 + strideOut;
  const o2 = o1 + strideOut;
  const o3 = o2 + strideOut;
  O[o0] = O[o0]! + s00;
  O[o0 + 1] = O[o0 + 1]! + s01;
  O[o1] = O[o1]! + s10;
  O[o1 + 1] = O[o1 + 1]! + s11;
  O[o2] = O[o2]! + s20;
  O[o2 + 1] = O[o2 + 1]! + s21;
  O[o3] = O[o3]! + s30;
  O[o3 + 1] = O[o3 + 1]! + s31;
}

/** out[n, m] = a[m, n]. With it, every product sums over the last axes of both operands. */
export function transpose(a: Matrix, out: FloatArray, m: number, n: number) {
  const stride = a.stride ?? n;
  const offset = a.offset ?? 0;
  const A = a.data;
  for (let i = 0; i < m; i++) {
    const row = offset + i * stride;
    for (let j = 0; j < n; j++) out[j * m + i] = A[row + j]!;
  }
}

/** out[n] += Σ_m a[m, n], for biases. */
export function addColumnSums(a: Matrix, out: FloatArray, outOffset: number, m: number, n: number) {
  const stride = a.stride ?? n;
  const offset = a.offset ?? 0;
  const A = a.data;
  for (let j = 0; j < n; j++) {
    let sum = 0;
    for (let i = 0; i < m; i++) sum += A[offset + i * stride + j]!;
    out[outOffset + j] = out[outOffset + j]! + sum;
  }
}
