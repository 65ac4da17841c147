import Basics

/// Credit: how much of an object a holder may send before it is told to go on. A request brings some, and while what
/// arrives is taken by the layer above, more is given in time, so that nobody waits for it. When the layer above is slow,
/// holders stop, and what waits for it is bounded.
extension ProtocolEndpoint {
    /// Takes note of `count` new chunks of the object at `position` of what a neighbour was asked for, and gives it more
    /// credit when half is used up.
    ///
    /// - Returns: false if it had none for them; then the association has ended.
    mutating func giveCredit(for position: Int, count: Int, from index: Int, at time: MonotonicTime) -> Bool {
        neighbours[index].association!.inbound[position].useCredit(count)
        let source = neighbours[index].association!.inbound[position]
        guard !source.isOverrun else {
            endAssociation(index, reason: .overrun, at: time)
            return false
        }
        let whole = configuration.creditChunkCount
        guard source.remaining > source.credit, source.credit <= whole / 2 else { return true }
        guard undeliveredByteCount < configuration.undeliveredByteLimit else {
            if source.credit <= 0 {
                neighbours[index].association!.inbound[position].isHeldBack = true
                holdsBack = true
            }
            return true
        }
        let more = min(source.remaining, whole) - source.credit
        if enqueue(.credit(transfer: source.handle, chunks: UInt32(more)), to: index) {
            neighbours[index].association!.inbound[position].addCredit(more)
        }
        return true
    }

    /// Whether holders wait for credit although there is room.
    var mayGoOn: Bool { holdsBack && undeliveredByteCount < configuration.undeliveredByteLimit }

    /// Gives credit to those that wait for it, if there is room.
    mutating func goOn(at time: MonotonicTime) {
        guard mayGoOn else { return }
        holdsBack = false
        for index in neighbours.indices {
            for position in neighbours[index].association?.inbound.indices ?? 0..<0
            where neighbours[index].association!.inbound[position].isHeldBack {
                neighbours[index].association!.inbound[position].isHeldBack = false
                neighbours[index].association!.inbound[position].progress = time
                _ = giveCredit(for: position, count: 0, from: index, at: time)
            }
        }
    }
}
