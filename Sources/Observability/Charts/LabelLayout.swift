/// Puts labels beside the ends of lines so that none covers another.
package enum LabelLayout {
    /// Where labels go that would like to be at `wishes`: each at least `spacing` from the next, all within `range`, in the
    /// order of their wishes, and together as little off as can be (pool adjacent violators: labels that are too close move
    /// as one block around the mean of what they wish).
    ///
    /// Nil where the range has no room for all.
    package static func places(_ wishes: [Double], spacing: Double, within range: ClosedRange<Double>) -> [Double]? {
        guard Double(wishes.count - 1) * spacing <= range.upperBound - range.lowerBound else { return nil }
        /// Labels side by side: how many, and the sum of where each would put the first.
        struct Block {
            var count: Int
            var sum: Double
            var first: Double
        }
        let order = wishes.indices.sorted { (wishes[$0], $0) < (wishes[$1], $1) }
        var blocks: [Block] = []
        func placed(_ block: Block) -> Double {
            let last = range.upperBound - Double(block.count - 1) * spacing
            return min(max(block.sum / Double(block.count), range.lowerBound), last)
        }
        for index in order {
            var block = Block(count: 1, sum: wishes[index], first: 0)
            block.first = placed(block)
            while let before = blocks.last, before.first + Double(before.count) * spacing > block.first {
                blocks.removeLast()
                // Seen from the block before, each of these stands so many places further.
                let shift = Double(before.count) * spacing * Double(block.count)
                block = Block(count: before.count + block.count, sum: before.sum + block.sum - shift, first: 0)
                block.first = placed(block)
            }
            blocks.append(block)
        }
        var result = wishes
        var next = order.makeIterator()
        for block in blocks {
            for step in 0..<block.count {
                if let index = next.next() { result[index] = block.first + Double(step) * spacing }
            }
        }
        return result
    }

    /// `text` in at most `limit` characters; what is cut off is marked.
    package static func short(_ text: String, limit: Int) -> String {
        text.count <= limit ? text : text.prefix(limit - 1) + "…"
    }
}
