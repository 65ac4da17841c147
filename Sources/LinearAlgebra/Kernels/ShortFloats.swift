/// Vectors of bfloat16 values as they lie in payloads: two bytes each, least significant first.
package enum ShortFloats {
    /// Values that are added up at a time: their sums stay in the nearest cache.
    private static let blockCount = 1024

    /// The average of `vectors`, of which there is at least one, all of one even length: summed in double precision, divided,
    /// and rounded to the nearest value, ties to even. Exact up to that rounding for a few values of like size.
    package static func average(_ vectors: [[UInt8]]) -> [UInt8] {
        let byteCount = vectors[0].count
        precondition(
            byteCount % 2 == 0 && vectors.allSatisfy { $0.count == byteCount }, "the vectors are of one even length")
        return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
            let target = UnsafeMutableRawBufferPointer(buffer)
            var sums = [Double](repeating: 0, count: blockCount)
            for start in stride(from: 0, to: byteCount / 2, by: blockCount) {
                let count = min(blockCount, byteCount / 2 - start)
                for position in 0..<count { sums[position] = 0 }
                for vector in vectors { add(vector, from: 2 * start, to: &sums, count: count) }
                sums.withUnsafeBufferPointer { sums in
                    for position in 0..<count {
                        let bits = Float(sums[position] / Double(vectors.count)).bitPattern
                        // Half of the last place that stays, less one where that place is even: ties go to even.
                        let short = UInt16(truncatingIfNeeded: (bits + 0x7fff + (bits >> 16 & 1)) >> 16)
                        target.storeBytes(
                            of: short.littleEndian, toByteOffset: 2 * (start + position), as: UInt16.self)
                    }
                }
            }
            initializedCount = byteCount
        }
    }

    private static func add(_ bytes: [UInt8], from start: Int, to sums: inout [Double], count: Int) {
        bytes.withUnsafeBytes { source in
            sums.withUnsafeMutableBufferPointer { target in
                guard count > 0, let from = source.baseAddress, let to = target.baseAddress else { return }
                let values = (from + start).assumingMemoryBound(to: UInt16.self)
                for position in 0..<count {
                    to[position] += Double(Float(bitPattern: UInt32(UInt16(littleEndian: values[position])) << 16))
                }
            }
        }
    }
}
