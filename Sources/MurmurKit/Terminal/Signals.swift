@preconcurrency import Dispatch
import Foundation
import Synchronization

/// The signals that ask a process to stop, as a stream: SIGINT (Ctrl-C), SIGTERM and SIGHUP.
package enum Signals {
    /// Takes over the signals for the rest of the process and yields each that arrives.
    ///
    /// With `watchingInput` the end of standard input is such a request too: a supervisor holds the other end, and when
    /// it dies, however it dies, the pipe closes.
    package static func stopRequests(watchingInput: Bool = false) -> AsyncStream<Int32> {
        // A reader that goes away is a write that fails, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        return AsyncStream(bufferingPolicy: .bufferingNewest(8)) { continuation in
            for number in [SIGINT, SIGTERM, SIGHUP] {
                // A source of the dispatch library only listens: the default action would end the process all the same.
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                // The handler holds its source: both live as long as the process.
                source.setEventHandler { withExtendedLifetime(source) { _ = continuation.yield(number) } }
                source.resume()
            }
            guard watchingInput else { return }
            // A thread that waits for the end: a handler that the dispatch library calls may miss it.
            Thread {
                while !FileHandle.standardInput.availableData.isEmpty {}
                continuation.yield(SIGHUP)
            }.start()
        }
    }
}

/// Whether a run was asked to stop.
package final class StopFlag: Sendable {
    private let raised = Mutex(false)

    package init() {}

    /// Whether it was.
    package var isRaised: Bool { raised.withLock { $0 } }

    /// Notes that it was.
    package func raise() {
        raised.withLock { $0 = true }
    }
}
