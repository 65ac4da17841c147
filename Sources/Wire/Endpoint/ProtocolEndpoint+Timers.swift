package import Basics

extension ProtocolEndpoint {
    /// When `handleTimeout` is to be called next; nil if nothing is due.
    package var nextDeadline: MonotonicTime? {
        mutating get { earliestDeadline() }
    }

    private mutating func earliestDeadline() -> MonotonicTime? {
        guard !isClosed else { return nil }
        if mayGoOn { return .zero }
        var earliest = MonotonicTime.distantFuture
        for index in neighbours.indices {
            earliest = min(earliest, neighbours.deadline(of: index, configuration: configuration))
        }
        return earliest == .distantFuture ? nil : earliest
    }

    /// Does what is due at `time`; to be called when `nextDeadline` has come.
    package mutating func handleTimeout(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        guard !isClosed else { return }
        goOn(at: time)
        for index in neighbours.indices where neighbours.deadline(of: index, configuration: configuration) <= time {
            handleTimeout(of: index, at: time, using: &generator)
        }
    }

    private mutating func handleTimeout(
        of index: Int, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        if let lastReceived = neighbours[index].association?.lastReceived,
            lastReceived + configuration.idleTimeout <= time
        {
            endAssociation(index, reason: .idle, at: time)
        }
        dropExpiredSessions(of: index, at: time)
        let isHandshakeDue =
            (neighbours[index].nextHandshake ?? neighbours[index].renewal(configuration: configuration)).map {
                $0 <= time
            } ?? false
        if isHandshakeDue {
            if neighbours[index].isWanted || neighbours[index].isAssociated {
                startHandshake(index, at: time, using: &generator)
            } else {
                neighbours[index].nextHandshake = nil
            }
        }
        guard neighbours[index].isAssociated else { return }
        neighbours[index].association!.recovery.handleTimeout(at: time)
        neighbours[index].association!.settle(statistics: &statistics)
        if neighbours[index].association!.lastSent + configuration.keepaliveInterval <= time {
            neighbours[index].association!.lastSent = time
            neighbours[index].association!.pingPending = true
        }
        handleTransferTimeouts(index, at: time)
        markReady(index)
    }

    /// Forgets the keys of sessions that carry nothing any more.
    private mutating func dropExpiredSessions(of index: Int, at time: MonotonicTime) {
        func isExpired(_ session: Session?) -> Bool {
            session.map { $0.established + configuration.rejectAfter <= time } ?? false
        }
        if isExpired(neighbours[index].current) {
            neighbourOfIndex[neighbours[index].current!.localIndex] = nil
            neighbours[index].current = nil
        }
        if isExpired(neighbours[index].previous) {
            neighbourOfIndex[neighbours[index].previous!.localIndex] = nil
            neighbours[index].previous = nil
        }
        if isExpired(neighbours[index].next) {
            neighbourOfIndex[neighbours[index].next!.localIndex] = nil
            neighbours[index].next = nil
        }
    }
}
