import Cryptography
import LinearAlgebra

/// One peer's part in the exact average of vectors of 16-bit values (bfloat16, least significant byte first): every peer
/// is given one slice of every other's vector, averages it, and gives the average to all (reduce-scatter, all-gather).
struct SliceAverage: Sendable {
    private let index: Int
    /// The peer's own vector, one array a slice, as it would be encoded for this.
    private let slices: [[UInt8]]
    /// Everybody's values of our slice.
    private var heard: [[UInt8]]
    private var gathered = 0

    /// The average, whole when `isFinished`.
    private(set) var result: [UInt8]

    init(index: Int, count: Int, values: [UInt8]) {
        self.index = index
        slices = (0..<count).map { Array(values[Self.range(of: $0, count: count, byteCount: values.count)]) }
        heard = [slices[index]]
        result = [UInt8](repeating: 0, count: values.count)
    }

    /// Whether every slice of the average is there.
    var isFinished: Bool { gathered == slices.count }

    /// The bytes of a slice.
    private static func range(of slice: Int, count: Int, byteCount: Int) -> Range<Int> {
        let total = byteCount / 2
        return total * slice / count * 2..<total * (slice + 1) / count * 2
    }

    /// What the holder of a slice is to be given.
    func contribution(to slice: Int) -> [UInt8] { slices[slice] }

    /// Takes in another peer's values of our slice.
    ///
    /// - Returns: the slice's average, when the last has come.
    mutating func take(contribution: [UInt8]) -> [UInt8]? {
        guard contribution.count == slices[index].count else { return nil }
        heard.append(contribution)
        guard heard.count == slices.count else { return nil }
        let average = ShortFloats.average(heard)
        heard = []
        take(average: average, of: index)
        return average
    }

    /// Takes in a slice of the average.
    mutating func take(average: [UInt8], of slice: Int) {
        let range = Self.range(of: slice, count: slices.count, byteCount: result.count)
        guard average.count == range.count else { return }
        result.overwrite(at: range.lowerBound, with: average, range: 0..<average.count)
        gathered += 1
    }

    /// The average that all should have, computed in one place, one value after the other.
    static func reference(_ vectors: [[UInt8]]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: vectors[0].count)
        for position in stride(from: 0, to: bytes.count, by: 2) {
            var sum = 0.0
            for vector in vectors {
                let short = UInt32(vector[position]) | UInt32(vector[position + 1]) << 8
                sum += Double(Float(bitPattern: short << 16))
            }
            let bits = Float(sum / Double(vectors.count)).bitPattern
            let short = (bits + 0x7fff + (bits >> 16 & 1)) >> 16
            bytes[position] = UInt8(truncatingIfNeeded: short)
            bytes[position + 1] = UInt8(truncatingIfNeeded: short >> 8)
        }
        return bytes
    }
}
