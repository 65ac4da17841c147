internal import LinearAlgebra

/// Some query rows of one head in one sequence.
package struct AttentionPiece: Equatable {
    /// The number of the sequence.
    package let sequence: Int
    /// The number of the query head.
    package let head: Int
    /// The rows, counted in the sequence.
    package var rows: Range<Int>

    /// The heads of sequences with so many queries, whose keys begin `before` positions earlier, dealt out to `parts` in
    /// runs of about equal work.
    package static func split(
        _ queries: [Int], heads: Int, before: [Int], into parts: Int
    ) -> [[AttentionPiece]] {
        precondition(before.count == queries.count, "one number a sequence")
        if parts == 1 {
            return [
                queries.indices.flatMap { sequence in
                    (0..<heads).map { AttentionPiece(sequence: sequence, head: $0, rows: 0..<queries[sequence]) }
                }
            ]
        }
        // A block's work is about that of its rows times the keys they see; the constant stands for what rows cost alone.
        func work(_ rows: Range<Int>, _ before: Int) -> Int {
            rows.count * (2 * before + rows.lowerBound + rows.upperBound + 64)
        }
        func blocks(_ count: Int) -> [Range<Int>] {
            stride(from: 0, to: count, by: HeadAttention.blockRows).map {
                $0..<min($0 + HeadAttention.blockRows, count)
            }
        }
        let total = zip(queries, before).reduce(0) { sum, sequence in
            sum + heads * blocks(sequence.0).reduce(0) { $0 + work($1, sequence.1) }
        }
        var result = [[AttentionPiece]](repeating: [], count: parts)
        var sum = 0
        for (sequence, count) in queries.enumerated() {
            for head in 0..<heads {
                for rows in blocks(count) {
                    // A block belongs to the part in which its middle lies.
                    let work = work(rows, before[sequence])
                    let part = min(parts - 1, (2 * sum + work) * parts / max(1, 2 * total))
                    sum += work
                    if let last = result[part].last, last.sequence == sequence, last.head == head {
                        result[part][result[part].count - 1].rows = last.rows.lowerBound..<rows.upperBound
                    } else {
                        result[part].append(AttentionPiece(sequence: sequence, head: head, rows: rows))
                    }
                }
            }
        }
        return result
    }
}
