import Cryptography

/// Which chunks are missing: a bit for each.
extension InboundTransfer {
    /// Copies the missing chunks of the run into their place, and marks them as there.
    static func take(
        _ run: Range<Int>, of packet: [UInt8], at range: Range<Int>, into target: inout [UInt8], at offset: Int,
        missing: inout [UInt64]
    ) {
        var missingCount = 0
        forEachWord(of: run) { word, mask in missingCount += (missing[word] & mask).nonzeroBitCount }
        if missingCount == run.count {
            target.overwrite(at: offset, with: packet, range: range)
        } else {
            let size = WireConfiguration.chunkByteCount
            for (position, index) in run.enumerated() where missing[index / 64] & (1 << UInt64(index % 64)) != 0 {
                let start = range.lowerBound + position * size
                target.overwrite(
                    at: offset + position * size, with: packet, range: start..<min(range.upperBound, start + size))
            }
        }
        forEachWord(of: run) { word, mask in missing[word] &= ~mask }
    }

    /// Calls `body` with every word of the bitmap that the run touches, and the bits of the run in it.
    static func forEachWord(of run: Range<Int>, _ body: (Int, UInt64) -> Void) {
        var start = run.lowerBound
        while start < run.upperBound {
            let end = min(run.upperBound, (start / 64 + 1) * 64)
            let ones = end - start == 64 ? UInt64.max : (1 << UInt64(end - start)) - 1
            body(start / 64, ones << UInt64(start % 64))
            start = end
        }
    }

    /// How many chunks of the run are missing.
    func missingCount(in run: Range<Int>) -> Int {
        var count = 0
        Self.forEachWord(of: run) { word, mask in count += (missing[word] & mask).nonzeroBitCount }
        return count
    }

    /// The chunks of the run that are missing, of which there is at least one.
    func missingRanges(in run: Range<Int>) -> [Range<UInt32>] {
        if missingCount(in: run) == run.count { return [UInt32(run.lowerBound)..<UInt32(run.upperBound)] }
        var ranges: [Range<UInt32>] = []
        var start: Int?
        for index in run {
            if missing[index / 64] & (1 << UInt64(index % 64)) != 0 {
                start = start ?? index
            } else if let first = start {
                ranges.append(UInt32(first)..<UInt32(index))
                start = nil
            }
        }
        if let first = start { ranges.append(UInt32(first)..<UInt32(run.upperBound)) }
        return ranges
    }
}
