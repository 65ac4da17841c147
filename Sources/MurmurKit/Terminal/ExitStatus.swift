/// How a command ends: the exit codes that scripts may rely on.
package enum ExitStatus: Int32, Sendable, CaseIterable, Error {
    /// What was asked for is done, or it was stopped and the same command goes on from there.
    case success = 0
    /// It could not be done; a line on standard error says why.
    case failure = 1
    /// The command line is wrong.
    case usage = 2
    /// It was interrupted before it could leave anything to go on from.
    case interrupted = 130

    /// The status that `error` ends a command with. A thrown status is itself; what is none of ours is a failure.
    package init(of error: any Error) {
        self =
            switch error {
            case let status as ExitStatus: status
            case is CancellationError: .interrupted
            default: .failure
            }
    }

    /// What a person is told of `error`: one line, or nil for a status, whose reason has been told.
    package static func message(for error: any Error) -> String? {
        switch error {
        case is ExitStatus: nil
        case is CancellationError: "murmur: stopped"
        default: "murmur: \(error)"
        }
    }
}

/// A failure that the user is told in one line: what went wrong and what to do.
package struct CommandFailure: Error, CustomStringConvertible {
    /// The line.
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
