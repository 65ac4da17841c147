package import Adapters

/// The part of a change that is worth most: its largest values (top-k; Stich, Cordonnier and Jaggi, 2018).
package enum LargestChanges {
    /// `delta` at the places where it is furthest from `copy`, and `copy` at all others.
    ///
    /// - Parameter share: how many places these are, of all; rounded up. Of places that are equally far the first count.
    /// - Returns: that, and the root mean square of the distances at these places.
    package static func of(
        _ delta: AdapterDelta, after copy: AdapterDelta, share: Double
    ) -> (delta: AdapterDelta, rootMeanSquare: Float) {
        let (wanted, present) = (delta.values, copy.values)
        let count = min(wanted.count, max(1, Int((share * Double(wanted.count)).rounded(.up))))
        let (least, ties) = threshold(wanted, present, count: count)
        var values = present
        var square = 0.0
        var tiesLeft = ties
        for place in wanted.indices {
            let change = wanted[place] - present[place]
            let size = change.magnitude.bitPattern
            guard size >= least else { continue }
            if size == least {
                guard tiesLeft > 0 else { continue }
                tiesLeft -= 1
            }
            values[place] = wanted[place]
            square += Double(change) * Double(change)
        }
        return (AdapterDelta(schema: delta.schema, values: values), Float((square / Double(count)).squareRoot()))
    }

    /// The bits of the `count`-th largest distance, and how many of exactly that size belong to the largest.
    ///
    /// Bits of numbers that are not negative are ordered as the numbers are: two passes that count their halves find the
    /// place, without sorting.
    private static func threshold(_ wanted: [Float], _ present: [Float], count: Int) -> (least: UInt32, ties: Int) {
        func place(above rest: inout Int, by half: (UInt32) -> Int?) -> Int {
            var counts = [Int](repeating: 0, count: 1 << 16)
            for index in wanted.indices {
                if let bucket = half((wanted[index] - present[index]).magnitude.bitPattern) { counts[bucket] += 1 }
            }
            var bucket = counts.count - 1
            while counts[bucket] < rest, bucket > 0 {
                rest -= counts[bucket]
                bucket -= 1
            }
            return bucket
        }
        var rest = count
        let upper = place(above: &rest) { Int($0 >> 16) }
        let lower = place(above: &rest) { Int($0 >> 16) == upper ? Int($0 & 0xffff) : nil }
        return (UInt32(upper) << 16 | UInt32(lower), rest)
    }
}
