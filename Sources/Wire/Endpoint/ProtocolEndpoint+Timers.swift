package import Basics

extension ProtocolEndpoint {
    /// When `handleTimeout` is to be called next; nil if nothing is due.
    package var nextDeadline: MonotonicTime? {
        guard !isClosed else { return nil }
        if mayResume { return .zero }
        let earliest = connections.earliestDeadline(context.configuration)
        return earliest == .distantFuture ? nil : earliest
    }

    /// Does what is due at `time`; to be called when `nextDeadline` has come.
    package mutating func handleTimeout(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        guard !isClosed else { return }
        resume(at: time)
        for id in connections.ids where connections.deadline(of: id, context.configuration) <= time {
            for timer in ConnectionTimer.allCases {
                guard let deadline = connections[id].deadline(of: timer, context.configuration), deadline <= time
                else { continue }
                let requests = connections[id].expire(timer, &context, at: time, using: &generator)
                for request in requests { perform(request, for: id, at: time) }
            }
            if connections[id].isAssociated { connections[id].markReady(&context) }
        }
        connections.rememberDeadlines(context.configuration)
    }
}
