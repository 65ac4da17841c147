import Basics

extension Neighbour {
    /// When something is to be done about this neighbour. Mutating, as are those below it, only so that the compiler asks the
    /// neighbour where it lies: a copy of it for every datagram was a tenth of a simulation's time.
    mutating func deadline(configuration: WireConfiguration) -> MonotonicTime {
        var deadline = MonotonicTime.distantFuture
        if let nextHandshake {
            deadline = nextHandshake
        } else if let renewal = renewal(configuration: configuration) {
            deadline = renewal
        }
        if let established = current?.established {
            deadline = min(deadline, established + configuration.rejectAfter)
        }
        if let established = previous?.established {
            deadline = min(deadline, established + configuration.rejectAfter)
        }
        if let established = next?.established {
            deadline = min(deadline, established + configuration.rejectAfter)
        }
        guard isAssociated else { return deadline }
        return min(deadline, association!.deadline(configuration: configuration, canSend: current != nil))
    }

    /// When a new handshake is due because the session is old or the other side has fallen silent.
    mutating func renewal(configuration: WireConfiguration) -> MonotonicTime? {
        guard let established = current?.established, isAssociated, lastAddress != nil else { return nil }
        // The side that began renews; the other does if it fails to.
        let age = configuration.rekeyAfter + (current!.isInitiator ? .zero : .seconds(15))
        let silence = association!.silentSince() + configuration.staleAfter
        return min(established + age, max(silence, established + configuration.staleAfter))
    }
}
