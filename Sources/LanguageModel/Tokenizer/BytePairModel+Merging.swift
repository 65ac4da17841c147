extension BytePairModel {
    /// A merge that was possible when it was found.
    private struct Candidate {
        let rank: Int32
        /// The place of the left symbol.
        let place: Int32
        let result: Int32

        /// Whether this merge is made before `other`: by rank, then from the left.
        func precedes(_ other: Candidate) -> Bool { (rank, place) < (other.rank, other.place) }
    }

    /// Applies the merges, lowest rank first, from the left: a linked list of symbols and a heap of candidates, so that
    /// a text without word borders takes O(n log n).
    func merged(_ symbols: [Int32]) -> [Int32] {
        let count = symbols.count
        guard count > 1 else { return symbols }
        var tokens = symbols
        // Links to the neighbours; a symbol that was merged into its left neighbour has token -1.
        var next = (0..<count).map { $0 + 1 }
        var previous = (0..<count).map { $0 - 1 }
        var heap: [Candidate] = []
        func consider(_ left: Int, _ heap: inout [Candidate]) {
            guard left >= 0, next[left] < count,
                let merge = merges[Self.key(tokens[left], tokens[next[left]])]
            else { return }
            Self.push(Candidate(rank: merge.rank, place: Int32(left), result: merge.result), onto: &heap)
        }
        for left in 0..<count - 1 { consider(left, &heap) }
        while let candidate = Self.pop(from: &heap) {
            let left = Int(candidate.place)
            guard tokens[left] >= 0, next[left] < count else { continue }
            let right = next[left]
            // The candidate is out of date when one of its symbols has been merged since.
            guard merges[Self.key(tokens[left], tokens[right])]?.result == candidate.result else { continue }
            tokens[left] = candidate.result
            tokens[right] = -1
            next[left] = next[right]
            if next[left] < count { previous[next[left]] = left }
            consider(previous[left], &heap)
            consider(left, &heap)
        }
        return tokens.filter { $0 >= 0 }
    }

    private static func push(_ candidate: Candidate, onto heap: inout [Candidate]) {
        heap.append(candidate)
        var index = heap.count - 1
        while index > 0, heap[index].precedes(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private static func pop(from heap: inout [Candidate]) -> Candidate? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return top }
        heap[0] = last
        var index = 0
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[child].precedes(heap[smallest]) { smallest = child }
            }
            if smallest == index { return top }
            heap.swapAt(index, smallest)
            index = smallest
        }
    }
}
