import CKernels
import Foundation

/// The cosines and sines of rotary position embedding (Su et al., 2021) for positions from zero, in the layout of
/// transformers: a head's value i is paired with value i + headSize / 2.
// @unchecked: both buffers are filled before the initialiser returns, are private, and are only read afterwards.
package final class RotaryTable: @unchecked Sendable {
    /// The positions that the table covers.
    package let positions: Range<Int>
    /// The width of a head, even.
    package let headSize: Int
    private let cosines: FloatBuffer
    private let sines: FloatBuffer

    /// The table for angle(p, i) = p · frequencies[i], computed in double precision; cosines and sines are multiplied
    /// by `magnitude`.
    package init(positions: Range<Int>, frequencies: [Double], magnitude: Double = 1) {
        precondition(!frequencies.isEmpty && positions.lowerBound >= 0, "a rotary head has an even width")
        self.positions = positions
        let half = frequencies.count
        headSize = 2 * half
        cosines = FloatBuffer(count: positions.count * half)
        sines = FloatBuffer(count: positions.count * half)
        for (pair, frequency) in frequencies.enumerated() {
            for (row, position) in positions.enumerated() {
                // In single precision the angles of late positions would be off by thousandths of a radian.
                let angle = Double(position) * frequency
                cosines.base[row * half + pair] = Float(magnitude * cos(angle))
                sines.base[row * half + pair] = Float(magnitude * sin(angle))
            }
        }
    }

    /// Rotates every head of every row of `x` [n, heads · headSize] in place by the angles of its row's position;
    /// `backward` rotates by the opposite angles, which is the gradient.
    package func rotate(_ x: Matrix, positions rowPositions: ArraySlice<Int32>, backward: Bool = false) {
        precondition(
            x.columns.isMultiple(of: headSize) && rowPositions.count == x.rows, "whole heads, a position a row")
        precondition(rowPositions.allSatisfy { positions.contains(Int($0)) }, "the table covers the positions")
        // The kernel counts rows of the table from position zero.
        let first = positions.lowerBound * headSize / 2
        rowPositions.withUnsafeBufferPointer { rows in
            murmur_rotate(
                x.pointer, x.stride, rows.baseAddress, cosines.base - first, sines.base - first, x.rows,
                x.columns / headSize, headSize, backward ? -1 : 1)
        }
    }
}
