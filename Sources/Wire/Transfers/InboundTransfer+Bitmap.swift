import Cryptography

/// Which chunks are missing: a bit for each.
extension InboundTransfer {
    /// Copies the missing chunks of the run into their place, and marks them as there.
    static func take(
        _ run: Range<Int>, of packet: [UInt8], at range: Range<Int>, into target: inout [UInt8], at offset: Int,
        missing: inout [UInt64]
    ) {
        var missingCount = 0
        ChunkLayout.forEachWord(of: run) { word, mask in missingCount += (missing[word] & mask).nonzeroBitCount }
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
        ChunkLayout.forEachWord(of: run) { word, mask in missing[word] &= ~mask }
    }

    /// How many chunks of the run are missing.
    func missingCount(in run: Range<Int>) -> Int {
        var count = 0
        ChunkLayout.forEachWord(of: run) { word, mask in count += (missing[word] & mask).nonzeroBitCount }
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
