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

    /// A place that is taken: its upper left corner and its size.
    package struct Box: Sendable, Hashable {
        package var x: Double
        package var y: Double
        package var width: Double
        package var height: Double

        package init(x: Double, y: Double, width: Double, height: Double) {
            self.x = x
            self.y = y
            self.width = width
            self.height = height
        }

        package func meets(_ other: Box) -> Bool {
            x < other.x + other.width && other.x < x + width && y < other.y + other.height && other.y < y + height
        }

        package func holds(_ other: Box) -> Bool {
            x <= other.x && y <= other.y && other.x + other.width <= x + width && other.y + other.height <= y + height
        }
    }

    /// How far above or below its point a label may stand, in its own height, the nearest first.
    private static let shifts: [Double] = (0...32).map { place in
        let size = Double((place + 1) / 2) / 2
        return place % 2 == 0 ? size : -size
    }

    /// Where labels of these widths go, each as near to its point as there is room: to the right of it, to its left, or
    /// above or below. Nil for one that has no room without covering what is `taken`, another label, or the edge.
    package static func beside(
        _ points: [(x: Double, y: Double)], widths: [Double], height: Double, around taken: [Box], within frame: Box
    ) -> [Box?] {
        var taken = taken
        return zip(points, widths).map { point, width in
            for shift in shifts {
                let y = point.y + (shift - 0.5) * height
                let sides = [point.x + 10, point.x - 10 - width] + (abs(shift) < 1 ? [] : [point.x - width / 2])
                for x in sides {
                    let box = Box(x: x, y: y, width: width, height: height)
                    if frame.holds(box), !taken.contains(where: box.meets) {
                        taken.append(box)
                        return box
                    }
                }
            }
            return nil
        }
    }

    /// `text` in at most `limit` characters; what is cut off is marked.
    package static func short(_ text: String, limit: Int) -> String {
        text.count <= limit ? text : text.prefix(limit - 1) + "…"
    }
}
