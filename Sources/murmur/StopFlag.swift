import Synchronization

/// Whether a run was asked to stop.
final class StopFlag: Sendable {
    private let raised = Mutex(false)

    /// Whether it was.
    var isRaised: Bool { raised.withLock { $0 } }

    /// Notes that it was.
    func raise() {
        raised.withLock { $0 = true }
    }
}
