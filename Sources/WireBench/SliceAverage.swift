import Cryptography
import LinearAlgebra

/// One peer's part in the exact average of vectors of 16-bit values (bfloat16, least significant byte first): every peer
/// is given one slice of every other's vector, averages it, and gives the average to all (reduce-scatter, all-gather).
struct SliceAverage: Sendable {
    private let index: Int
    private let count: Int
    private let values: [UInt8]
    private var sums: [Double]
    private var heard = 1
    private var gathered = 0

    /// The average, whole when `isFinished`.
    private(set) var result: [UInt8]

    init(index: Int, count: Int, values: [UInt8]) {
        self.index = index
        self.count = count
        self.values = values
        result = [UInt8](repeating: 0, count: values.count)
        sums = []
        sums = [Double](repeating: 0, count: range(of: index).count / 2)
        ShortFloats.add(values, from: range(of: index).lowerBound, to: &sums)
    }

    /// Whether every slice of the average is there.
    var isFinished: Bool { gathered == count }

    /// The bytes of a slice.
    func range(of slice: Int) -> Range<Int> {
        let total = values.count / 2
        return total * slice / count * 2..<total * (slice + 1) / count * 2
    }

    /// What the holder of a slice is to be given.
    func contribution(to slice: Int) -> [UInt8] { Array(values[range(of: slice)]) }

    /// Takes in another peer's values of our slice.
    ///
    /// - Returns: the slice's average, when the last has come.
    mutating func take(contribution: [UInt8]) -> [UInt8]? {
        guard contribution.count == sums.count * 2 else { return nil }
        ShortFloats.add(contribution, to: &sums)
        heard += 1
        guard heard == count else { return nil }
        let average = ShortFloats.rounded(sums, times: 1 / Double(count))
        take(average: average, of: index)
        return average
    }

    /// Takes in a slice of the average.
    mutating func take(average: [UInt8], of slice: Int) {
        guard average.count == range(of: slice).count else { return }
        result.overwrite(at: range(of: slice).lowerBound, with: average, range: 0..<average.count)
        gathered += 1
    }

    /// The average that all should have, computed in one place.
    static func reference(_ vectors: [[UInt8]]) -> [UInt8] {
        var sums = [Double](repeating: 0, count: vectors[0].count / 2)
        for vector in vectors { ShortFloats.add(vector, to: &sums) }
        return ShortFloats.rounded(sums, times: 1 / Double(vectors.count))
    }
}
