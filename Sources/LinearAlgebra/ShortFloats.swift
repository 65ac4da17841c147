/// Vectors of bfloat16 values as they lie in payloads: two bytes each, least significant first.
package enum ShortFloats {
    /// Adds the values of `bytes` from `start` (which is even) on to `sums`, of which there are as many as `sums` has. The sums of a few
    /// vectors whose values are of like size are exact.
    package static func add(_ bytes: [UInt8], from start: Int = 0, to sums: inout [Double]) {
        precondition(
            start >= 0 && start % 2 == 0 && start <= bytes.count - 2 * sums.count, "the values lie in the bytes")
        let count = sums.count
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

    /// The sums times `factor`, each rounded to the nearest value, ties to even.
    package static func rounded(_ sums: [Double], times factor: Double) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 2 * sums.count) { buffer, initializedCount in
            let target = UnsafeMutableRawBufferPointer(buffer)
            for (position, sum) in sums.enumerated() {
                let bits = Float(sum * factor).bitPattern
                let short = UInt16(truncatingIfNeeded: (bits + 0x7fff + (bits >> 16 & 1)) >> 16)
                target.storeBytes(of: short.littleEndian, toByteOffset: 2 * position, as: UInt16.self)
            }
            initializedCount = 2 * sums.count
        }
    }
}
