/**
 * How different two colours look, also to people who lack one kind of cones. It uses the matrices of Machado, Oliveira and Fernandes, "A
 * physiologically-based model for simulation of color vision deficiency" (2009), for severity 1, which act on linear RGB, and the distance
 * in CIELAB (ΔE 1976) with the white point D65.
 */
import type { Rgb } from '../../web/palette.ts';

type Matrix = readonly [Rgb, Rgb, Rgb];

export const VISIONS = {
  'full colour vision': [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  'without red cones': [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  'without green cones': [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  'without blue cones': [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
} as const satisfies Readonly<Record<string, Matrix>>;

export function difference(a: Rgb, b: Rgb, vision: Matrix): number {
  const [one, other] = [labOf(a, vision), labOf(b, vision)];
  return Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2]);
}

/** From linear sRGB to XYZ, each row divided by the white point. */
const XYZ: Matrix = [
  [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339 / 1.08883, 0.119192 / 1.08883, 0.9503041 / 1.08883],
];

function labOf(colour: Rgb, vision: Matrix): Rgb {
  const seen = times(vision, mapped(colour, linear));
  const inGamut = mapped(seen, (part) => Math.min(1, Math.max(0, part)));
  const [x, y, z] = mapped(times(XYZ, inGamut), response);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function linear(part: number): number {
  const share = part / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function response(part: number): number {
  return part > 216 / 24389 ? Math.cbrt(part) : ((24389 / 27) * part + 16) / 116;
}

function times(matrix: Matrix, [r, g, b]: Rgb): Rgb {
  return mapped([0, 1, 2], (row) => {
    const [x, y, z] = matrix[row] as Rgb;
    return x * r + y * g + z * b;
  });
}

function mapped([r, g, b]: Rgb, change: (part: number) => number): Rgb {
  return [change(r), change(g), change(b)];
}
