import Basics

/// The neighbours of an endpoint, with what is due at each of them remembered until the neighbour is touched: after every
/// datagram the endpoint is asked when it wants to be woken, and of its neighbours one has changed.
struct NeighbourTable: Sendable, MutableCollection, RandomAccessCollection {
    private var neighbours: [Neighbour]
    /// What is due at each; nil where it was touched since it was computed.
    private var deadlines: [MonotonicTime?]

    init(_ neighbours: [Neighbour]) {
        self.neighbours = neighbours
        deadlines = [MonotonicTime?](repeating: nil, count: neighbours.count)
    }

    var startIndex: Int { 0 }
    var endIndex: Int { neighbours.count }

    subscript(index: Int) -> Neighbour {
        // Through a span, which lends an element where it lies: an array's subscript copies it, references and all.
        _read { yield neighbours.span[index] }
        _modify {
            deadlines[index] = nil
            yield &neighbours[index]
        }
    }

    /// Does something with the neighbour at `index` where it lies: what is done for every packet. The subscript may take
    /// memory for the frame of its coroutine.
    @inline(__always)
    mutating func change<Result>(_ index: Int, _ body: (inout Neighbour) -> Result) -> Result {
        deadlines[index] = nil
        return body(&neighbours[index])
    }

    /// When something is to be done about the neighbour at `index`.
    mutating func deadline(of index: Int, configuration: WireConfiguration) -> MonotonicTime {
        if let known = deadlines[index] { return known }
        let deadline = neighbours[index].deadline(configuration: configuration)
        deadlines[index] = deadline
        return deadline
    }
}
