/// How a contribution's values are divided among peers that each average one slice of everybody's.
///
/// Payloads are verified leaf by leaf, so that a peer fetches whole leaves. Where there are as many as peers, slices
/// end with leaves and nothing is fetched twice; smaller payloads are cut anywhere, and their leaves fetched by
/// several.
package struct SliceLayout: Sendable, Hashable {
    /// Values of a contribution.
    package let count: Int
    /// Bytes of a value in the payload.
    package let bytesOfValue: Int
    /// Values of a leaf.
    private let valuesOfLeaf: Int
    /// Peers among which they are divided.
    package let peers: Int

    /// - Parameter leafByteCount: a multiple of `bytesOfValue`.
    package init(count: Int, bytesOfValue: Int, peers: Int, leafByteCount: Int) {
        precondition(bytesOfValue > 0 && peers > 0 && leafByteCount % bytesOfValue == 0, "leaves hold whole values")
        self.count = count
        self.bytesOfValue = bytesOfValue
        self.peers = peers
        valuesOfLeaf = leafByteCount / bytesOfValue
    }

    /// Whether slices save bytes. What has few leaves is fetched whole: most of it would be fetched anyway, and means
    /// come on top.
    package var pays: Bool { leafCount >= 4 }

    private var leafCount: Int { (count + valuesOfLeaf - 1) / valuesOfLeaf }

    /// The values of the slice that the peer of this rank averages. There may be none.
    package func values(of rank: Int) -> Range<Int> { start(of: rank)..<start(of: rank + 1) }

    private func start(of rank: Int) -> Int {
        leafCount < peers ? count * rank / peers : min(count, leafCount * rank / peers * valuesOfLeaf)
    }

    /// The leaves that hold the slice.
    package func leaves(of rank: Int) -> Range<Int> {
        let values = values(of: rank)
        guard !values.isEmpty else { return 0..<0 }
        return values.lowerBound / valuesOfLeaf..<(values.upperBound + valuesOfLeaf - 1) / valuesOfLeaf
    }

    /// Bytes of the leaves that hold the slice.
    package func leafBytes(of rank: Int) -> Int {
        let leaves = leaves(of: rank)
        return (min(count, leaves.upperBound * valuesOfLeaf) - min(count, leaves.lowerBound * valuesOfLeaf))
            * bytesOfValue
    }

    /// Where the slice lies among the bytes of its leaves.
    package func bytes(of rank: Int) -> Range<Int> {
        let values = values(of: rank)
        let first = leaves(of: rank).lowerBound * valuesOfLeaf
        return (values.lowerBound - first) * bytesOfValue..<(values.upperBound - first) * bytesOfValue
    }
}
