import Basics

/// All that a connection waits for: each timer is listed here once, says below when it is due, and what is done then. They
/// are served in this order.
enum ConnectionTimer: CaseIterable {
    /// Nothing has come from the other side for long: the association ends.
    case idle
    /// A session has become so old that it carries nothing any more: its keys are forgotten.
    case sessionExpiry
    /// An initiation is due: one was not answered, the session is old, or the other side has fallen silent.
    case handshake
    /// Packets count as lost, or a probe has to find out.
    case loss
    /// Nothing was sent for long: a PING is.
    case keepalive
    /// An object makes no progress.
    case transfer
    /// An acknowledgement is owed.
    case acknowledgement
    /// The pacer lets the next packet through.
    case pacing
}

extension Connection {
    /// When the connection has to be woken; the distant future if it waits for nothing.
    func nextDeadline(_ configuration: WireConfiguration) -> MonotonicTime {
        var earliest = MonotonicTime.distantFuture
        for timer in ConnectionTimer.allCases {
            if let deadline = deadline(of: timer, configuration) { earliest = min(earliest, deadline) }
        }
        return earliest
    }

    /// When a timer is due; nil if it does not run.
    @inline(__always)
    func deadline(of timer: ConnectionTimer, _ configuration: WireConfiguration) -> MonotonicTime? {
        switch timer {
        case .idle: return isAssociated ? association.lastReceived + configuration.idleTimeout : nil
        case .sessionExpiry: return sessions.expiry(life: configuration.rejectAfter)
        case .handshake: return nextHandshake ?? renewal(configuration)
        case .loss: return isAssociated ? association.recovery.deadline : nil
        case .keepalive: return isAssociated ? association.lastSent + configuration.keepaliveInterval : nil
        case .transfer: return association.transferDeadline(configuration)
        // Without a session it could not leave, and the timer would be due for ever; so with the pacer below.
        case .acknowledgement: return sessions.current == nil ? nil : association.received.deadline
        case .pacing: return sessions.current == nil ? nil : association.pacingDeadline
        }
    }

    /// When a new handshake is due because the session is old or the other side has fallen silent.
    private func renewal(_ configuration: WireConfiguration) -> MonotonicTime? {
        guard let established = sessions.current?.established, isAssociated, lastAddress != nil else { return nil }
        // The side that began renews; the other does if it fails to.
        let age = configuration.rekeyAfter + (sessions.current!.isInitiator ? .zero : .seconds(15))
        let silence = association.lastReceived + configuration.staleAfter
        // A session that has just begun is given its time, too, however long nothing came before it.
        return min(established + age, max(silence, established + configuration.staleAfter))
    }

    /// Does what is to be done when a timer is due.
    ///
    /// - Returns: what the endpoint has to do.
    mutating func expire(
        _ timer: ConnectionTimer, _ context: inout ConnectionContext, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) -> [ConnectionRequest] {
        switch timer {
        case .idle:
            return [.divide(end(.idle, &context, at: time))]
        case .sessionExpiry:
            sessions.dropExpired(life: context.configuration.rejectAfter, at: time, routes: &context.routes)
        case .handshake:
            if isWanted || isAssociated {
                startHandshake(&context, at: time, using: &generator)
            } else {
                nextHandshake = nil
            }
        case .loss:
            association.recovery.handleTimeout(at: time)
            association.settle(with: remote.id, &context)
        case .keepalive:
            association.lastSent = time
            association.pingPending = true
        case .transfer:
            return association.overdueRequests(context.configuration, at: time)
        case .acknowledgement, .pacing:
            // What is due leaves with the next packet.
            break
        }
        return []
    }
}
