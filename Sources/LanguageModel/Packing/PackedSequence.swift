/// Where one sequence of a pass lies.
struct PackedSequence {
    /// The rows of its first tokens, which it has in common with an earlier sequence of the pass, whose they are; may be
    /// empty.
    let shared: Range<Int>
    /// The rows of its other tokens.
    let rows: Range<Int>

    /// The number of its tokens.
    var length: Int { shared.count + rows.count }
}
