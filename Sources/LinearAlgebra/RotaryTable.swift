internal import CKernels
internal import Foundation

/// The cosines and sines of rotary position embedding (Su et al., 2021) for positions from zero, in the layout of
/// transformers: a head's value i is paired with value i + headSize / 2.
// @unchecked: both buffers are filled before the initialiser returns, are private, and are only read afterwards.
package final class RotaryTable: @unchecked Sendable {
    /// The number of positions.
    package let positions: Int
    /// The width of a head, even.
    package let headSize: Int
    private let cosines: FloatBuffer
    private let sines: FloatBuffer

    /// The table for angle(p, i) = p * base^(-2i / headSize), computed in double precision.
    package init(positions: Int, headSize: Int, base: Double) {
        precondition(headSize > 0 && headSize.isMultiple(of: 2), "a rotary head has an even width")
        self.positions = positions
        self.headSize = headSize
        let half = headSize / 2
        cosines = FloatBuffer(count: positions * half)
        sines = FloatBuffer(count: positions * half)
        for pair in 0..<half {
            let frequency = pow(base, -2 * Double(pair) / Double(headSize))
            for position in 0..<positions {
                let angle = Double(position) * frequency
                cosines.base[position * half + pair] = Float(cos(angle))
                sines.base[position * half + pair] = Float(sin(angle))
            }
        }
    }

    /// Rotates every head of every row of `x` [n, heads · headSize] in place by the angles of its row's position;
    /// `backward` rotates by the opposite angles, which is the gradient.
    package func rotate(_ x: Matrix, positions rowPositions: [Int32], backward: Bool = false) {
        precondition(
            x.columns.isMultiple(of: headSize) && rowPositions.count == x.rows, "whole heads, a position a row")
        precondition(rowPositions.allSatisfy { $0 >= 0 && $0 < positions }, "the table covers the positions")
        murmur_rotate(
            x.pointer, x.stride, rowPositions, cosines.base, sines.base, x.rows, x.columns / headSize, headSize,
            backward ? -1 : 1)
    }
}
